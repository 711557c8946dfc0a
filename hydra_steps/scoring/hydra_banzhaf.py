"""HyDRA averaged over random halves of the data: every sample's Data Banzhaf value, nearly.

    c[q, n] = −(1/K) Σ_k ∂f_q/∂w_n  at  w⁽ᵏ⁾ ∈ {0, 1}ᴺ, each sample in or out by the toss of a coin

The Banzhaf value of a sample is the mean over all subsets of the others of what the query changes when the sample
joins (Wang and Jia 2023). The derivative at both ends of that step stands for the difference, right to second order in
one sample's weight: exactly where the query is linear in it. Subsets come in pairs, each with its complement, so that
every sample is as often out as in.

Cost: K trainings and K sweeps. Index letters: q queries, n samples, k subsets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import torch
from torch import Tensor

from hydra_steps.data.seeding import generator_of
from hydra_steps.process.linearised import Curvature
from hydra_steps.process.process import Process
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.registry.decorators import method
from hydra_steps.registry.types import FreshSeeds, QueriesAtOnce, Window
from hydra_steps.scoring.contribution import Contribution
from hydra_steps.scoring.hydra_averaged import average
from hydra_steps.scoring.nearby import sources
from hydra_steps.trajectory.trajectory import Trajectory


@method(
    "hydra_banzhaf",
    title="Banzhaf HyDRA",
    unit="query",
    computes="the derivative averaged over random halves of the data: the Data Banzhaf value, nearly",
    cost="runs × seeds × (one training and a sweep of hydra_exact), all samples",
    needs="the training process itself, run again",
    use="values that hold up under a noisy training, and removals of a random half",
    work={"steps": "1.2 * runs * max(seeds, 1)", "steps_per_query": "1.8 * runs * max(seeds, 1)"},
    memory="q * p * (1 + s)",
    predicts="0.5",
    colour="#C05A8A",
    marker="p",
    line=(0, (2, 1)),
    order=46,
)
def hydra_banzhaf(
    trajectory: Trajectory,
    queries: QuerySet,
    *,
    runs: Annotated[int, "2 <= x <= 1000"] = 8,
    seeds: FreshSeeds = 0,
    queries_at_once: QueriesAtOnce = None,
    window: Window = None,
) -> Contribution:
    """HyDRA averaged over random halves of the data, which is the Data Banzhaf value up to one sample's curvature.

    c[q, n] [q, n] float64, in the query's unit; positive helps. The diagnostic ``correlation_of_runs`` is, per query,
    the mean Pearson correlation between the contributions at two subsets. Raises :class:`Diverged` as
    :func:`reverse_sweep` does.

    Options:
        runs: Random subsets, each trained and swept; a complement follows each.
        seeds: Fresh seeds, each with as many trainings. 0 takes the run's own seed.
        queries_at_once: Queries in one sweep, to save memory. null takes all.
        window: The steps from which on the data weights count, as `{last_epochs: 2}` or `{from_step: 100}`. null takes
            the whole training.
    """
    draws = (
        (source, weights)
        for source in sources(trajectory.within(window), seeds)
        for weights in coin_draws(source.process, runs)
    )
    return average(draws, queries, Curvature.EXACT, queries_at_once, runs * max(seeds, 1))


def coin_draws(process: Process, runs: int) -> Iterator[Tensor]:
    """Data weights [n] of each run, 0 or 1 by a coin for every sample; each second run is the first's complement."""
    for k in range(runs):
        coin = generator_of(process.seed, "hydra_banzhaf", 0.5, k // 2).random(process.samples) < 0.5
        yield torch.from_numpy(coin != bool(k % 2)).to(process.device, process.dtype)
