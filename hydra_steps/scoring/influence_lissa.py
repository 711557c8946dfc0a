"""Influence functions with the inverse Hessian by LiSSA, a Neumann series on random batches.

    x ← v + (1 − d) x − (H_B + λ I) x / s,    returned x / s,    whose fixed point is (H + (λ + d s) I)^{-1} v

d is the damping, s the scale, H_B the Hessian of the mean loss over a random batch, λ the weight decay's curvature
(:mod:`hydra_steps.scoring.influence`): **the effective damping is d s + λ**, which at the paper's d = 0.01, s = 1000 is
10 and makes the score nearly a plain gradient product. Koh and Liang, ICML 2017; the stopping distance and the defaults
are those of the HyDRA paper's comparison. Written here because no library has that stopping rule together with a
damping, and because the Hessian products are there. Index letters: q queries, p parameters, n samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import torch
from torch import Tensor

from hydra_steps.errors import Diverged
from hydra_steps.process.optimizers.protocol import add_scaled
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.progress import Progress
from hydra_steps.registry.decorators import method
from hydra_steps.scoring.contribution import Contribution
from hydra_steps.scoring.curvature import curvature_product, decay_curvature, mean_damping
from hydra_steps.scoring.gradients import final_products
from hydra_steps.trajectory.trajectory import Trajectory

GROWTH_LIMIT = 1e3  # times the largest length that a convergent series can have, ‖v‖ times the iterations

Damping = Annotated[float, "0 < x <= 1e6"]


@method(
    "influence_lissa",
    title="Influence (LiSSA)",
    unit="query",
    computes="influence function, the Hessian inverted by LiSSA's series on random batches",
    cost="one batch's Hessian product per iteration, query and repeat; up to thousands of them",
    use="to repeat published comparisons; conjugate gradients are faster and have less damping",
    work={"gradients": "2", "gradients_per_query": "2 * iterations * repeats * batch / n"},
    memory="5 * q * p",
    colour="#A33F00",
    marker="v",
    line=(0, (5, 1)),
    order=60,
)
def influence_lissa(
    trajectory: Trajectory,
    queries: QuerySet,
    *,
    matrix: Literal["gauss_newton", "hessian"] = "hessian",
    damping: Damping = 0.01,
    scale: Annotated[float, "0 < x <= 1e9"] = 1000.0,
    stop: Annotated[float, "0 <= x <= 1e6"] = 0.03,
    iterations: Annotated[int, "1 <= x <= 1000000"] = 1000,
    repeats: Annotated[int, "1 <= x <= 1000"] = 3,
    batch: Annotated[int, "1 <= x <= 1000000"] = 1024,
) -> Contribution:
    """Influence function by LiSSA on random batches; the effective damping is `damping` times `scale`, plus the weight
    decay. The defaults are the paper's.

    c[q, n] [q, n] float64, in the query's unit at the effective damping d s + λ; positive helps.

    The diagnostics tell the effective damping and, per repeat, iterations and last distance. Raises
    :class:`Diverged`.

    Options:
        matrix: The matrix that is inverted.
        damping: Added to the matrix's diagonal, besides the weight decay.
        scale: Divides the Hessian; above its largest eigenvalue.
        stop: Distance between two iterates at which a repeat ends.
        iterations: Most iterations in a repeat.
        repeats: Independent series that are averaged.
        batch: Training samples in each random batch.
    """
    process, final = trajectory.process, trajectory.final_state
    gradients = queries.gradients(final)
    series = _Series(trajectory, matrix, damping, scale, stop, iterations, min(batch, process.samples))
    total, taken, distances = torch.zeros_like(gradients), [], []
    for repeat in range(repeats):
        solution, used, distance = series.run(gradients, repeat)
        total += solution
        taken.append(used)
        distances.append(distance)
    values = final_products(process, final, total / repeats) / process.samples
    diagnostics = {
        "effective_damping": series.effective_damping,
        "iterations": taken,
        "last_distance": distances,
    }
    return Contribution(values, diagnostics)


@dataclass(frozen=True)
class _Series:
    """LiSSA's series at the final state; ``size`` samples in each random batch."""

    trajectory: Trajectory
    matrix: str
    damping: float
    scale: float
    stop: float
    limit: int
    size: int

    @property
    def effective_damping(self) -> float:
        """d s + λ, what is really added to the Hessian's diagonal (its mean, where λ differs between parameters)."""
        return self.damping * self.scale + mean_damping(decay_curvature(self.trajectory))

    def run(self, targets: Tensor, repeat: int) -> tuple[Tensor, int, float]:
        """One repeat for ``targets`` [q, p]: the solutions [q, p], the iterations of the slowest query, its last
        distance.

        A query whose distance is small enough stays where it is while the others go on.
        """
        process, state = self.trajectory.process, self.trajectory.final_state
        decay = decay_curvature(self.trajectory)
        generator = np.random.Generator(np.random.Philox(key=[process.seed, 104_729 + repeat]))
        x, distance = targets.clone(), torch.full((len(targets),), torch.inf, device=targets.device)
        bound = torch.linalg.vector_norm(targets, dim=1, dtype=torch.float64) * GROWTH_LIMIT * self.limit
        used = 0
        steps = range(1, self.limit + 1)
        for used in Progress(steps, desc=f"lissa {repeat}", unit="iteration", mininterval=1):
            active = (distance > self.stop).nonzero().squeeze(1)
            if not len(active):
                used -= 1
                break
            batch = torch.from_numpy(generator.permutation(process.samples)[: self.size]).to(process.device)
            now = x[active]
            bent = add_scaled(curvature_product(process, state, now, self.matrix, batch), decay, now)
            following = targets[active] + (1 - self.damping) * now - bent / self.scale
            distance[active] = torch.linalg.vector_norm(following - now, dim=1).to(distance)
            x[active] = following
            length = torch.linalg.vector_norm(following, dim=1, dtype=torch.float64)
            if not (length <= bound[active]).all():
                raise Diverged(
                    f"LiSSA diverged at iteration {used} of repeat {repeat + 1}: length {length.max().item():.3g} "
                    f"at effective damping {self.effective_damping:g} and scale {self.scale:g}",
                    "a series that converges, which needs a scale above the Hessian's largest eigenvalue and a "
                    "damping above its most negative one",
                    "raise the method's scale or damping, or enlarge its batch",
                )
        return x / self.scale, used, float(distance.max()) if len(targets) else 0.0
