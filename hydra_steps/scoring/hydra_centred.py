"""HyDRA at the middle of a removal: the derivative at the data weights that a random removal has on average.

    c[q, n] = −∂f_q/∂w_n  at  w = (1 − α) · 1

Removing a share α of the samples at random lowers the data weights by α on average. From all one to there is half the
way from the training with all samples to one without those: at the middle between two ends a derivative predicts
their difference to second order, and at one of the ends to first order. Between two removals of that share nothing
else than the middle is common.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch

from hydra_steps.process.linearised import Curvature
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.progress import Progress
from hydra_steps.registry.decorators import method
from hydra_steps.registry.types import FreshSeeds, QueriesAtOnce, Window
from hydra_steps.scoring.contribution import Contribution
from hydra_steps.scoring.nearby import retrained, sources, swept, uniform
from hydra_steps.trajectory.trajectory import Trajectory


@method(
    "hydra_centred",
    title="Centred HyDRA",
    unit="query",
    computes="the derivative at the middle of a random removal: all data weights 1 − fraction",
    cost="seeds × (one training and a sweep of hydra_exact), all samples",
    needs="the training process itself, run again",
    use="what removing a large random share of the samples would do",
    work={
        "steps": "(1.2 if curvature == 'exact' else 1.1) * max(seeds, 1)",
        "steps_per_query": "(1.8 if curvature == 'exact' else 1.4) * max(seeds, 1)",
    },
    memory="q * p * (1 + s)",
    predicts="fraction",
    colour="#7A3E9D",
    marker="P",
    order=42,
)
def hydra_centred(
    trajectory: Trajectory,
    queries: QuerySet,
    *,
    fraction: Annotated[float, "0 < x < 1"] = 0.5,
    curvature: Literal["exact", "gauss_newton", "none"] = "exact",
    seeds: FreshSeeds = 0,
    queries_at_once: QueriesAtOnce = None,
    window: Window = None,
) -> Contribution:
    """HyDRA at the middle of a random removal, for removals of a large share of the samples.

    c[q, n] [q, n] float64, in the query's unit; positive helps. Raises :class:`Diverged` as :func:`reverse_sweep` does.

    Options:
        fraction: Share of the training samples whose removal is to be predicted.
        curvature: The exact Hessian, the Gauss–Newton matrix in its place, or none (Hessian-free).
        seeds: Fresh seeds to average over, each trained and swept. 0 takes the run's own seed.
        queries_at_once: Queries in one sweep, to save memory. null takes all.
        window: The steps from which on the data weights count, as `{last_epochs: 2}` or `{from_step: 100}`. null takes
            the whole training.
    """
    each = []
    total = max(seeds, 1)
    for source in Progress(
        sources(trajectory.within(window), seeds), total=total, desc="centred", unit="run", mininterval=2
    ):
        nearby = retrained(source, uniform(source.process, 1 - fraction))
        each.append(swept(nearby, queries, Curvature(curvature), queries_at_once))
    return Contribution(torch.stack(each).mean(0))
