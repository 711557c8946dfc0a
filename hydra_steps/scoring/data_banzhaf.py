"""Data Banzhaf by maximum sample reuse, and leaving out one sample: values by comparing outcomes with and without.

    Banzhaf          c[q, n] = mean of f_q over the subsets without n − mean of f_q over those with n
    leave one out    c[q, n] = f_q(all but n) − f_q(all)

A subset takes each sample by the toss of a coin, and every training counts for every sample (Wang and Jia 2023).
Subsets come in pairs, each with its complement, so that every sample is as often out as in. Index letters: q queries,
n samples, k subsets.
"""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from hydra_steps.data.seeding import generator_of
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.progress import Progress
from hydra_steps.registry.decorators import method
from hydra_steps.registry.types import Seed, Window
from hydra_steps.scoring.contribution import Contribution
from hydra_steps.scoring.sampled import with_error
from hydra_steps.scoring.sampled_arrays import COUNT
from hydra_steps.scoring.subset_outcomes import SubsetOutcomes
from hydra_steps.trajectory.trajectory import Trajectory

Subsets = Annotated[int, "4 <= x <= 10000000"]


@method(
    "data_banzhaf",
    title="Data Banzhaf",
    unit="query",
    computes="the mean of the query without a sample less that with it, over trainings on random halves",
    cost="subsets trainings on halves of the data",
    needs="the training process itself, run again",
    use="values that hold up under a noisy training, of hundreds of samples",
    work={"steps": "subsets"},
    predicts="0.5",
    colour="#B0413E",
    marker="v",
    order=244,
)
def data_banzhaf(
    trajectory: Trajectory,
    queries: QuerySet,
    *,
    subsets: Subsets = 200,
    seed: Seed = 0,
    window: Window = None,
) -> Contribution:
    """Data Banzhaf by maximum sample reuse: every training counts for every sample.

    c[q, n] [q, n] float64, in the query's unit; positive helps. The array ``standard_error`` [q, n] is that of the
    difference of the two means.

    Options:
        subsets: Random subsets of the samples, each with its complement; an odd one is left without.
        seed: Seed of the subsets, besides the run's.
        window: The steps that a sample is in or out of, as `{last_epochs: 2}` or `{from_step: 100}`: before it all take
            part. null takes the whole training.
    """
    members = coin_subsets(trajectory.process.seed, seed, subsets, trajectory.process.samples)
    with Progress(total=subsets, desc="halves", unit="training", mininterval=2) as bar:
        found = SubsetOutcomes(trajectory.within(window), queries, bar)(members)
    inside, outside = _mean_and_error(found, members), _mean_and_error(found, ~members)
    error = (inside[1] + outside[1]).sqrt()
    return with_error(outside[0] - inside[0], error, subsets)


@method(
    "leave_one_out",
    title="Leave one out",
    unit="query",
    computes="the change of the query when a sample is left out of the training, by doing it",
    cost="as many trainings as there are samples",
    needs="the training process itself, run again",
    use="the effect of single samples itself, where it can be afforded",
    work={"steps": "n"},
    colour="#2F4B7C",
    marker="^",
    order=246,
)
def leave_one_out(trajectory: Trajectory, queries: QuerySet, *, window: Window = None) -> Contribution:
    """Leaving each sample out of a training with the same seed and order.

    c[q, n] [q, n] float64, in the query's unit; positive helps.

    Options:
        window: The steps that it is left out of, as `{last_epochs: 2}` or `{from_step: 100}`. null takes the whole
            training.
    """
    samples = trajectory.process.samples
    with Progress(total=samples + 1, desc="leaving out", unit="training", mininterval=2) as bar:
        found = SubsetOutcomes(trajectory.within(window), queries, bar)(
            torch.cat([~torch.eye(samples, dtype=torch.bool), torch.ones(1, samples, dtype=torch.bool)])
        )
    return Contribution((found[:-1] - found[-1]).T.contiguous(), {COUNT: samples + 1})


def coin_subsets(seed: int, own: int, subsets: int, samples: int) -> Tensor:
    """Members [k, n], each sample in or out by a coin; each second subset is the complement of the one before."""
    coins = [
        generator_of(seed, f"halves {own}", 0.5, k).random(samples) < 0.5 for k in range((subsets + 1) // 2)
    ]
    drawn = torch.tensor([row.tolist() for row in coins])
    return torch.stack([drawn, ~drawn], 1).flatten(0, 1)[:subsets]


def _mean_and_error(outcomes: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Mean [q, n] of ``outcomes`` [k, q] over the subsets that are ``chosen`` [k, n], and its squared error [q, n]."""
    share = chosen.double()
    count = share.sum(0)
    mean = outcomes.T @ share / count
    # Deviations from one number for all samples: squares of outcomes would lose digits.
    deviation = outcomes - outcomes.mean(0)
    centre = deviation.T @ share / count
    variance = (deviation.square().T @ share / count - centre.square()).clamp_min(0)
    return mean, variance / (count - 1).clamp_min(1)
