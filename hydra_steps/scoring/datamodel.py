"""Datamodels: a linear regression of the query on which samples a training was without.

    f_q(S) ≈ a_q + Σ_n c[q, n] [n ∉ S]

fitted to trainings on random subsets, by ridge regression whose penalty is selected, for each query, by leaving out one
training at a time (Ilyas et al. 2022, with a ridge where they take the lasso). Groups are of one size, which leaves the
sum of all c open: here it is 0. Index letters: q queries, n samples, k subsets.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from hydra_steps.data.seeding import generator_of
from hydra_steps.errors import Unsuited
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.progress import Progress
from hydra_steps.registry.decorators import method
from hydra_steps.registry.types import Seed, Window
from hydra_steps.scoring.contribution import Contribution
from hydra_steps.scoring.sampled_arrays import COUNT
from hydra_steps.scoring.subset_outcomes import SubsetOutcomes
from hydra_steps.trajectory.trajectory import Trajectory

PENALTIES = np.logspace(-6, 6, 49)


@method(
    "datamodel",
    title="Datamodel",
    unit="query",
    computes="a ridge regression of the query on which samples a training was without",
    cost="subsets trainings",
    needs="the training process itself, run again",
    use="removals of a random share, by as many trainings as can be afforded",
    work={"steps": "subsets"},
    memory="subsets * (n + subsets)",
    predicts="fraction",
    colour="#665191",
    marker="s",
    line=(0, (4, 1, 1, 1)),
    order=248,
)
def datamodel(
    trajectory: Trajectory,
    queries: QuerySet,
    *,
    subsets: Annotated[int, "4 <= x <= 1000000"] = 200,
    fraction: Annotated[float, "0 < x < 1"] = 0.5,
    seed: Seed = 0,
    window: Window = None,
) -> Contribution:
    """A datamodel: the query's linear regression on the samples left out, over trainings on random subsets.

    c[q, n] [q, n] float64, in the query's unit; positive helps. The diagnostic ``penalty`` is the ridge's, per query.
    Raises :class:`Unsuited` where a group of that share is empty or everybody.

    Options:
        subsets: Random subsets, each a training.
        fraction: Share of the samples that each training is without.
        seed: Seed of the subsets, besides the run's.
        window: The steps that the samples are left out of, as `{last_epochs: 2}` or `{from_step: 100}`. null takes the
            whole training.
    """
    from sklearn.linear_model import RidgeCV

    process = trajectory.process
    size = round(fraction * process.samples)
    if not 0 < size < process.samples:
        raise Unsuited(
            f"trainings without {fraction:g} of {process.samples} samples are without {size}",
            f"1 to {process.samples - 1}",
            "change the method's fraction, or data.train",
        )
    removed = random_groups(process.seed, seed, subsets, size, process.samples)
    with Progress(total=subsets, desc="datamodel", unit="training", mininterval=2) as bar:
        outcomes = SubsetOutcomes(trajectory.within(window), queries, bar)(~removed)
    if not len(queries):
        return Contribution(torch.zeros(0, process.samples, dtype=torch.float64))
    scale = outcomes.std(0).clamp_min(1e-300)
    fit = RidgeCV(PENALTIES, alpha_per_target=True).fit(removed.double().numpy(), (outcomes / scale).numpy())
    values = torch.from_numpy(np.atleast_2d(fit.coef_)) * scale[:, None]
    penalty = dict(zip(queries.names, np.atleast_1d(fit.alpha_).tolist(), strict=True))
    return Contribution(values, {COUNT: subsets, "penalty": penalty})


def random_groups(seed: int, own: int, count: int, size: int, samples: int) -> Tensor:
    """Who is left out [k, n]: a random group of ``size`` samples each."""
    removed = torch.zeros(count, samples, dtype=torch.bool)
    for k in range(count):
        removed[k, generator_of(seed, f"datamodel {own}", size / samples, k).permutation(samples)[:size]] = (
            True
        )
    return removed
