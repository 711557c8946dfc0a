"""Influence functions with the inverse Hessian by LiSSA, a Neumann series on random batches.

    x ← v + (1 − d) x − (H_B + λ I) x / s,    returned x / s,    whose fixed point is (H + (λ + d s) I)^{-1} v

d is the damping, s the scale, H_B the Hessian of the mean loss over a random batch, λ the weight decay's curvature
(:mod:`hydra_steps.scoring.influence`): **the effective damping is d s + λ**, which at the paper's d = 0.01, s = 1000 is
10 and makes the score nearly a plain gradient product. Koh and Liang, ICML 2017; the stopping distance and the defaults
are those of the HyDRA paper's comparison. Written here because no library has that stopping rule together with a
damping, and because the Hessian products are there. Index letters: q queries, p parameters, n samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hydra_steps.errors import Diverged
from hydra_steps.process.optimizers import add_scaled
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.progress import Progress
from hydra_steps.scoring.curvature import curvature_product, decay_curvature, mean_damping
from hydra_steps.scoring.gradients import final_products
from hydra_steps.scoring.registry import Contribution, scorer
from hydra_steps.trajectory.trajectory import Trajectory

GROWTH_LIMIT = 1e3  # times the largest length that a convergent series can have, ‖v‖ times the iterations


@scorer(
    "influence_lissa",
    unit="query",
    summary="influence function, the Hessian inverted by LiSSA's series on random batches",
    cost="one batch's Hessian product per iteration, query and repeat; up to thousands of them",
    use="to repeat published comparisons; conjugate gradients are faster and have less damping",
)
def influence_lissa(trajectory: Trajectory, queries: QuerySet, options: Mapping[str, Any]) -> Contribution:
    """c[q, n] [q, n] float64, in the query's unit at the effective damping d s + λ; positive helps.

    Options: ``damping`` d (0.01), ``scale`` s (1000), ``stop``, the distance ‖x_j − x_{j−1}‖ at which a repeat ends
    (0.03), ``iterations`` at most (1000), ``repeats`` that are averaged (3), ``batch`` (1024), ``matrix``. The
    diagnostics tell the effective damping and, per repeat, iterations and last distance. Raises :class:`Diverged`.
    """
    process, final = trajectory.process, trajectory.final_state
    gradients = queries.cotangents(final).parameters
    total, iterations, distances = torch.zeros_like(gradients), [], []
    repeats = int(options.get("repeats", 3))
    for repeat in range(repeats):
        solution, used, distance = _series(trajectory, gradients, options, repeat)
        total += solution
        iterations.append(used)
        distances.append(distance)
    values = final_products(process, final, total / repeats) / process.samples
    diagnostics = {
        "effective_damping": effective_damping(trajectory, options),
        "iterations": iterations,
        "last_distance": distances,
    }
    return Contribution(values, diagnostics)


def effective_damping(trajectory: Trajectory, options: Mapping[str, Any]) -> float:
    """d s + λ, what is really added to the Hessian's diagonal (its mean, where λ differs between parameters)."""
    stated = float(options.get("damping", 0.01)) * float(options.get("scale", 1000.0))
    return stated + mean_damping(decay_curvature(trajectory))


def _series(
    trajectory: Trajectory, targets: Tensor, options: Mapping[str, Any], repeat: int
) -> tuple[Tensor, int, float]:
    """One repeat for ``targets`` [q, p]: the solutions [q, p], the iterations of the slowest query, its last distance.

    A query whose distance is small enough stays where it is while the others go on.
    """
    process, state = trajectory.process, trajectory.final_state
    damping, scale = float(options.get("damping", 0.01)), float(options.get("scale", 1000.0))
    stop, limit = float(options.get("stop", 0.03)), int(options.get("iterations", 1000))
    matrix, decay = str(options.get("matrix", "hessian")), decay_curvature(trajectory)
    size = min(int(options.get("batch", 1024)), process.samples)
    generator = np.random.Generator(np.random.Philox(key=[process.seed, 104_729 + repeat]))
    x, distance = targets.clone(), torch.full((len(targets),), torch.inf, device=targets.device)
    bound = torch.linalg.vector_norm(targets, dim=1, dtype=torch.float64) * GROWTH_LIMIT * limit
    used = 0
    for used in Progress(range(1, limit + 1), desc=f"lissa {repeat}", unit="iteration", mininterval=1):
        active = (distance > stop).nonzero().squeeze(1)
        if not len(active):
            used -= 1
            break
        batch = torch.from_numpy(generator.permutation(process.samples)[:size]).to(process.device)
        now = x[active]
        bent = add_scaled(curvature_product(process, state, now, matrix, batch), decay, now)
        following = targets[active] + (1 - damping) * now - bent / scale
        distance[active] = torch.linalg.vector_norm(following - now, dim=1).to(distance)
        x[active] = following
        length = torch.linalg.vector_norm(following, dim=1, dtype=torch.float64)
        if not (length <= bound[active]).all():
            raise Diverged(
                f"LiSSA diverged at iteration {used} of repeat {repeat + 1}: length {length.max().item():.3g} "
                f"at effective damping {effective_damping(trajectory, options):g} and scale {scale:g}",
                "a series that converges, which needs a scale above the Hessian's largest eigenvalue and a "
                "damping above its most negative one",
                "raise the method's scale or damping, or enlarge its batch",
            )
    return x / scale, used, float(distance.max()) if len(targets) else 0.0
