"""Values of samples by random permutations: Data Shapley and Beta Shapley.

    c[q, n] = mean over permutations of  ω_s (f_q(S) − f_q(S ∪ {n})),   S the s samples before n

The samples of a permutation join the training one by one, and each is credited with what the query falls as it joins:
positive helps, as everywhere. Shapley's ω is 1; Beta(α, β) Shapley weights by the number s of those before, with
ω_s = N · C(N − 1, s) · B(s + β, N − 1 − s + α) / B(α, β), which is 1 for α = β = 1 (Ghorbani and Zou 2019; Kwon and
Zou 2022). Data Shapley adds up: Σ_n c = f(no data) − f(all data), in each permutation already.

Cost: N − 1 trainings a permutation, fewer where it is truncated. Permutations advance side by side, so that small
models are trained many at once. Index letters: q queries, n samples, k permutations.
"""

from __future__ import annotations

from math import exp, lgamma
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from hydra_steps.data.seeding import generator_of
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.progress import Progress
from hydra_steps.registry.decorators import method
from hydra_steps.registry.types import Seed, Share, Window
from hydra_steps.scoring.contribution import Contribution
from hydra_steps.scoring.sampled import sampled
from hydra_steps.scoring.subset_outcomes import SubsetOutcomes
from hydra_steps.trajectory.trajectory import Trajectory

Permutations = Annotated[int, "2 <= x <= 1000000"]
Shape = Annotated[float, "1 <= x <= 1000"]


@method(
    "data_shapley",
    title="Data Shapley",
    unit="query",
    computes="the mean fall of the query as a sample joins the training, over random permutations of the samples",
    cost="permutations × samples trainings, fewer where permutations are truncated",
    needs="the training process itself, run again",
    use="the value that others are measured against, of tens or hundreds of samples",
    work={"steps": "permutations * n"},
    predicts="0.5",
    colour="#1B7F5C",
    marker="d",
    order=240,
)
def data_shapley(
    trajectory: Trajectory,
    queries: QuerySet,
    *,
    permutations: Permutations = 20,
    truncation: Share = 0.0,
    seed: Seed = 0,
    window: Window = None,
) -> Contribution:
    """Data Shapley by random permutations, each truncated where the rest changes little.

    c[q, n] [q, n] float64, in the query's unit; positive helps. The array ``standard_error`` [q, n] is that of the mean
    over the permutations, and the diagnostic ``subset_trainings`` counts the trainings.

    Options:
        permutations: Random orders in which the samples join.
        truncation: A permutation ends where the query is so near to its value with all samples, as a share of
            f(none) − f(all); samples that have not joined get nothing there. 0 for never.
        seed: Seed of the permutations, besides the run's.
        window: The steps in which the samples join, as `{last_epochs: 2}` or `{from_step: 100}`: before it all take
            part. null takes the whole training.
    """
    return _by_permutations(trajectory.within(window), queries, permutations, truncation, seed, None)


@method(
    "beta_shapley",
    title="Beta Shapley",
    unit="query",
    computes="as Data Shapley, with another weight for joining few samples than for joining many",
    cost="permutations × samples trainings",
    needs="the training process itself, run again",
    use="detecting wrong labels by values, where joining few samples tells more",
    work={"steps": "permutations * n"},
    predicts="0.5",
    colour="#6A994E",
    marker="D",
    line=(0, (3, 1)),
    order=242,
)
def beta_shapley(
    trajectory: Trajectory,
    queries: QuerySet,
    *,
    alpha: Shape = 4.0,
    beta: Shape = 1.0,
    permutations: Permutations = 20,
    seed: Seed = 0,
    window: Window = None,
) -> Contribution:
    """Beta(α, β) Shapley by random permutations.

    c[q, n] [q, n] float64, in the query's unit; positive helps. ``standard_error`` and ``subset_trainings`` as of
    ``data_shapley``. Only Beta(1, 1) adds up to f(none) − f(all).

    Options:
        alpha: α; above β it gives joining few samples more weight.
        beta: β; above α it gives joining many samples more weight.
        permutations: Random orders in which the samples join.
        seed: Seed of the permutations, besides the run's.
        window: The steps in which the samples join, as `{last_epochs: 2}` or `{from_step: 100}`: before it all take
            part. null takes the whole training.
    """
    weights = beta_weights(trajectory.process.samples, alpha, beta)
    return _by_permutations(trajectory.within(window), queries, permutations, 0.0, seed, weights)


def beta_weights(samples: int, alpha: float, beta: float) -> np.ndarray:
    """ω_s [n] of joining s = 0 … N − 1 samples; their mean is 1.

    >>> beta_weights(3, 1.0, 1.0).round(12).tolist()
    [1.0, 1.0, 1.0]
    """

    def log_beta(a: float, b: float) -> float:
        return lgamma(a) + lgamma(b) - lgamma(a + b)

    last = samples - 1
    return np.array(
        [
            samples
            * exp(
                lgamma(samples) - lgamma(s + 1) - lgamma(samples - s)
                + log_beta(s + beta, last - s + alpha) - log_beta(alpha, beta)
            )
            for s in range(samples)
        ]
    )  # fmt: skip


def _by_permutations(
    trajectory: Trajectory,
    queries: QuerySet,
    permutations: int,
    truncation: float,
    seed: int,
    weights: np.ndarray | None,
) -> Contribution:
    process = trajectory.process
    total = permutations * (process.samples - 1) + 2
    values = torch.zeros(permutations, len(queries), process.samples, dtype=torch.float64)
    with Progress(total=total, desc="permutations", unit="training", mininterval=2) as bar:
        outcomes = SubsetOutcomes(trajectory, queries, bar)
        for first in range(0, permutations, outcomes.at_once):
            numbers = range(first, min(first + outcomes.at_once, permutations))
            orders = torch.stack([permutation(process.seed, seed, k, process.samples) for k in numbers])
            if first == 0:
                ends = outcomes.of_none_and_all()
            values[numbers.start : numbers.stop] = _marginals(outcomes, orders, ends, truncation)
    if weights is not None:
        for k in range(permutations):
            order = permutation(process.seed, seed, k, process.samples)
            values[k][:, order] *= torch.from_numpy(weights)
    return sampled(values, outcomes.trainings)


def permutation(seed: int, own: int, number: int, samples: int) -> Tensor:
    """The ``number``-th random order [n] of a run of ``seed``, the same for every method of this module."""
    return torch.from_numpy(generator_of(seed, f"permutations {own}", 0.0, number).permutation(samples))


def _marginals(
    outcomes: SubsetOutcomes, orders: Tensor, ends: tuple[Tensor, Tensor], truncation: float
) -> Tensor:
    """What each sample changes as it joins [k, q, n], for ``orders`` [k, n], from no sample to all."""
    none, everyone = ends
    near = truncation * (none - everyone).abs()
    members = torch.zeros(orders.shape, dtype=torch.bool)
    before = none.repeat(len(orders), 1)  # [k, q]
    going = torch.ones_like(before, dtype=torch.bool)
    values = torch.zeros(len(orders), len(none), orders.shape[1], dtype=torch.float64)
    for place in range(orders.shape[1]):
        if truncation:
            going &= (before - everyone).abs() > near
        rows = going.any(1).nonzero().flatten()
        if not len(rows):
            break
        joining = orders[rows, place]
        members[rows, joining] = True
        last = place == orders.shape[1] - 1
        after = everyone.repeat(len(rows), 1) if last else outcomes(members[rows])
        values[rows, :, joining] = torch.where(going[rows], before[rows] - after, 0.0)
        before[rows] = after
    return values
