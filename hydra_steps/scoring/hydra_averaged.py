"""HyDRA averaged over nearby trainings, for training maps that one derivative does not describe.

    c[q, n] = −(1/K) Σ_k ∂f_q/∂w_n  at  w⁽ᵏ⁾ = 1 − d · 1[g_k],   g_k a random group, k = 1 … K

Where kinks (ReLU, max pooling) move the rest of a path once they are crossed, the derivative at w = 1 belongs
to one linear piece, and a removal ends on another. Each w⁽ᵏ⁾ is an ordinary training without a small group
(d = 1), or half-way to one (d = ½, the mid-point between the two ends of such a removal), and is swept like
the run itself. The mean is the derivative of f_q smoothed over removals of that size; on a smooth map it
differs from the exact one only by the change of the derivative itself.

The derivative of a path has nothing of the kinks: where an input of a ReLU passes 0 the gradient jumps, and the mean
over paths moves with it though none of their derivatives does. ``kink_width`` counts them in, as many
as cross in the mean (:mod:`hydra_steps.tangents.kinks`).

At half the samples (``fraction`` ½) it predicts what removing a random half does. Cost: K trainings and K sweeps
(:mod:`hydra_steps.scoring.nearby`). Index letters: q queries, n samples, k runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

import torch
from torch import Tensor

from hydra_steps.data.seeding import generator_of
from hydra_steps.process.linearised import Curvature
from hydra_steps.process.process import Process
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.progress import Progress
from hydra_steps.registry.decorators import method
from hydra_steps.registry.types import FreshSeeds, KinkWidth, QueriesAtOnce, Share, Window
from hydra_steps.scoring.contribution import Contribution
from hydra_steps.scoring.nearby import retrained_in_turn, sources, swept
from hydra_steps.trajectory.trajectory import Trajectory


@method(
    "hydra_averaged",
    title="Averaged HyDRA",
    unit="query",
    computes="the derivative averaged over trainings without small random groups, for maps that are not smooth",
    cost="runs × seeds × (one training and a sweep of hydra_exact or hydra_gauss_newton), all samples",
    needs="the training process itself, run again",
    use="where the training map is not smooth (ReLU with max pooling) and one derivative predicts poorly",
    work={"steps": "4 * runs * max(seeds, 1)", "steps_per_query": "2 * runs * max(seeds, 1)"},
    memory="q * p * (1 + s)",
    predicts="fraction",
    require={
        "kink_width == 0 or curvature == 'exact'": "kink_width 0, as the Gauss–Newton matrix has no kinks"
    },
    colour="#004B7A",
    marker="h",
    line=(0, (4, 2)),
    order=40,
)
def hydra_averaged(
    trajectory: Trajectory,
    queries: QuerySet,
    *,
    runs: Annotated[int, "1 <= x <= 1000"] = 8,
    fraction: Annotated[float, "0 <= x < 1"] = 0.02,
    depth: Share = 1.0,
    curvature: Literal["exact", "gauss_newton"] = "exact",
    kink_width: KinkWidth = 0.0,
    seeds: FreshSeeds = 0,
    queries_at_once: QueriesAtOnce = None,
    window: Window = None,
) -> Contribution:
    """HyDRA averaged over trainings without small random groups, for training maps that are not smooth.

    c[q, n] [q, n] float64, in the query's unit; positive helps. See the module for cost.

    The diagnostic ``correlation_of_runs`` is, per query, the mean Pearson correlation between two runs'
    contributions: near 1, one derivative would do. Raises :class:`Diverged` as :func:`reverse_sweep` does.

    Options:
        runs: Trainings, each with a sweep of its own.
        fraction: Share of the training samples in the group that each of them is without.
        depth: How far their weights are lowered. 1 is removal; 0.5 is half-way, the mid-point between the two
            ends.
        curvature: The exact Hessian, or the Gauss–Newton matrix in its place.
        kink_width: Width of the kernel with which the Hessian counts inputs at the kink of a ReLU: 1 is Silverman's
            rule. 0 takes the Hessian of the path itself, which knows no kinks.
        seeds: Fresh seeds, each with as many trainings. 0 takes the run's own seed.
        queries_at_once: Queries in one sweep, to save memory. null takes all.
        window: The steps from which on the data weights count, as `{last_epochs: 2}` or `{from_step: 100}`. null takes
            the whole training.
    """
    draws = (
        (source, weights)
        for source in sources(trajectory.within(window), seeds)
        for weights in lowered_weights(source.process, runs, fraction, depth)
    )
    return average(draws, queries, Curvature(curvature), queries_at_once, runs * max(seeds, 1), kink_width)


def average(
    draws: Iterable[tuple[Trajectory, Tensor]],
    queries: QuerySet,
    curvature: Curvature,
    queries_at_once: int | None,
    total: int,
    kink_width: float = 0.0,
) -> Contribution:
    """The mean of the derivatives at drawn weights [n], each along a training of its own, and how much they agree."""
    each = [
        swept(nearby, queries, curvature, queries_at_once, kink_width)
        for nearby in Progress(
            retrained_in_turn(draws), total=total, desc="averaging", unit="run", mininterval=2
        )
    ]
    values = torch.stack(each)  # [k, q, n]
    between = mean_correlation(values) if len(each) > 1 else []
    return Contribution(
        values.mean(0), {"correlation_of_runs": dict(zip(queries.names, between, strict=False))}
    )


def lowered_weights(process: Process, runs: int, fraction: float, depth: float) -> Iterator[Tensor]:
    """Data weights [n] of each run: 1, less ``depth`` for the samples of a random group of its own.

    Groups hold round(``fraction`` · n) samples, none where that is 0; they depend on the run's seed, the fraction
    and k alone, so more runs extend fewer, and they are not the groups of any design.
    """
    size = min(round(fraction * process.samples), process.samples)
    for k in range(runs):
        group = generator_of(process.seed, "hydra_averaged", fraction, k).choice(
            process.samples, size, replace=False
        )
        weights = torch.ones(process.samples, dtype=process.dtype, device=process.device)
        weights[torch.from_numpy(group).to(process.device)] -= depth
        yield weights


def mean_correlation(values: Tensor) -> list[float]:
    """Mean Pearson correlation [q] between two different runs' contributions [k, q, n], k > 1."""
    runs = len(values)
    centred = values.double() - values.double().mean(-1, keepdim=True)
    unit = centred / centred.norm(dim=-1, keepdim=True).clamp_min(1e-300)
    # ‖Σ_k u_k‖² = K + the sum over all pairs of different runs
    means: list[float] = ((unit.sum(0).square().sum(-1) - runs) / (runs * (runs - 1))).tolist()
    return means
