"""HyDRA integrated over the data weights, from no data to all: every sample's Aumann–Shapley value.

    c[q, n] = −∫₀¹ ∂f_q/∂w_n (t · 1) dt ≈ Σ_j ω_j c_n(t_j · 1)      Gauss–Legendre nodes t_j with weights ω_j on [0, 1]

The integral is complete: Σ_n c[q, n] = f_q(no data) − f_q(all data), since f_q(t · 1) is one function of t whose
derivative is the sum over the samples. What the nodes miss of it, the completeness gap, is known from two trainings,
so nodes are doubled until it is small. It is near the Data Shapley value, which averages over random subsets of every
size where this takes all samples at equal weight (Aumann and Shapley 1974; Ghorbani and Zou 2019).

Cost: m trainings and m sweeps for m nodes, once more for each doubling. Index letters: q queries, n samples, j nodes.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from hydra_steps.process.linearised import Curvature
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.process.running import run
from hydra_steps.progress import Progress
from hydra_steps.registry.decorators import method
from hydra_steps.registry.types import FreshSeeds, QueriesAtOnce, Window
from hydra_steps.scoring.contribution import Contribution
from hydra_steps.scoring.nearby import retrained_in_turn, sources, swept, uniform
from hydra_steps.trajectory.trajectory import Trajectory


@method(
    "hydra_integrated",
    title="Integrated HyDRA",
    unit="query",
    computes="the derivative integrated over the data weights from none to all: the Aumann–Shapley value",
    cost="seeds × nodes × (one training and a sweep of hydra_exact), more where nodes are doubled; all samples",
    needs="the training process itself, run again",
    use="values that add up to what all the data are worth, near Data Shapley at the price of dozens of trainings",
    work={
        "steps": "1.2 * max(2 * most_nodes - nodes, nodes) * max(seeds, 1)",
        "steps_per_query": "1.8 * max(2 * most_nodes - nodes, nodes) * max(seeds, 1)",
    },
    memory="q * p * (1 + s)",
    predicts="0.5",
    colour="#B5651D",
    marker="X",
    line=(0, (5, 1, 1, 1)),
    order=44,
)
def hydra_integrated(
    trajectory: Trajectory,
    queries: QuerySet,
    *,
    nodes: Annotated[int, "2 <= x <= 256"] = 8,
    tolerance: Annotated[float, "0 <= x <= 1"] = 0.01,
    most_nodes: Annotated[int, "2 <= x <= 1024"] = 32,
    seeds: FreshSeeds = 0,
    queries_at_once: QueriesAtOnce = None,
    window: Window = None,
) -> Contribution:
    """HyDRA integrated over the data weights: values that add up to the difference between no data and all.

    c[q, n] [q, n] float64, in the query's unit; positive helps. The diagnostic ``completeness_gap`` is, per query,
    (Σ_n c − (f(none) − f(all))) / |f(none) − f(all)|, the largest over the seeds, None where the data change nothing;
    ``nodes`` counts those of the last rule, the most over the seeds, and ``trainings`` all of them. Raises
    :class:`Diverged` as :func:`reverse_sweep` does.

    Options:
        nodes: Nodes of the quadrature at first.
        tolerance: Completeness gap at which nodes are no longer doubled, as a share of f(none) − f(all).
        most_nodes: Where doubling ends, whatever the gap.
        seeds: Fresh seeds to average over. 0 takes the run's own seed.
        queries_at_once: Queries in one sweep, to save memory. null takes all.
        window: The steps from which on the data weights count, as `{last_epochs: 2}` or `{from_step: 100}`. null takes
            the whole training.
    """
    each, gaps, used, trainings = [], [], [], 0
    total = nodes * max(seeds, 1)
    with Progress(total=total, desc="integrating", unit="training", mininterval=2) as bar:
        for source in sources(trajectory.within(window), seeds):
            change, count = _change_by_all(source, queries), nodes
            while True:
                values = _integral(source, queries, count, queries_at_once, bar)
                trainings += count
                gap = values.sum(1) - change
                if bool((gap.abs() <= tolerance * change.abs()).all()) or 2 * count > most_nodes:
                    break
                count *= 2
                total += count
                bar.total = total
            each.append(values)
            gaps.append(torch.where(change == 0, torch.nan, gap / change.abs()))
            used.append(count)
    diagnostics = {
        "completeness_gap": {
            name: None if np.isnan(gap) else gap
            for name, gap in zip(queries.names, _largest(torch.stack(gaps)).tolist(), strict=True)
        },
        "nodes": max(used),
        "trainings": trainings + 2 * len(used),
    }
    return Contribution(torch.stack(each).mean(0), diagnostics)


def legendre(count: int) -> list[tuple[float, float]]:
    """Nodes and weights of the Gauss–Legendre rule on [0, 1], exact for polynomials up to degree 2 · count − 1.

    >>> round(sum(share * place**3 for place, share in legendre(2)), 12)
    0.25
    """
    places, shares = np.polynomial.legendre.leggauss(count)
    return [(float(1 + x) / 2, float(w) / 2) for x, w in zip(places, shares, strict=True)]


def _integral(
    source: Trajectory, queries: QuerySet, count: int, queries_at_once: int | None, bar: Progress
) -> Tensor:
    """c [q, n] float64 by a rule of ``count`` nodes."""
    values = torch.zeros(len(queries), source.process.samples, dtype=torch.float64)
    places, shares = zip(*legendre(count), strict=True)
    draws = ((source, uniform(source.process, place)) for place in places)
    for nearby, share in zip(retrained_in_turn(draws), shares, strict=True):
        values += share * swept(nearby, queries, Curvature.EXACT, queries_at_once).cpu()
        bar.update()
    return values


def _change_by_all(source: Trajectory, queries: QuerySet) -> Tensor:
    """f(no data) − f(all data) [q]: what the values of all samples add up to."""
    process, first = source.process, source.first
    # Where weights count in batch norm's statistics, those of equal weights near 0 are those of equal weights 1.
    idle = process.with_statistics_of_all()
    without = run(idle, source.load(first), source.rates, first, weights=uniform(process, 0.0))
    whole = run(process, source.load(first), source.rates, first)
    return (queries.values(without) - queries.values(whole)).cpu()


def _largest(gaps: Tensor) -> Tensor:
    """Of gaps [s, q] the largest in size [q], not a number where one is none."""
    return gaps.gather(0, gaps.abs().argmax(0, keepdim=True))[0]
