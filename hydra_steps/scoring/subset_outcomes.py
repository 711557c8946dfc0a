"""The queries after training on any subset of the samples: the game whose values Data Shapley and its kin sample.

    f_q(s_T(w)),   w_n = 1 for the members of a subset and 0 for all others

The same start, order, rates and noise as the run's: outcomes differ by the subset alone. Small models are trained many
at once (:mod:`hydra_steps.process.together`), which takes a tenth of the time. Index letters: k subsets, n samples,
q queries.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hydra_steps.errors import Diverged
from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.process.running import run
from hydra_steps.process.together import at_once, one_by_one, run_together
from hydra_steps.progress import Progress
from hydra_steps.trajectory.trajectory import Trajectory

MORE = 4  # times as many at once as other re-trainings: subsets are for small data, hence small batches


class SubsetOutcomes:
    """Outcomes of one run's queries by subset; ``trainings`` counts those made, and ``bar`` shows them."""

    def __init__(self, trajectory: Trajectory, queries: QuerySet, bar: Progress | None = None) -> None:
        process = trajectory.process
        self._trajectory, self._queries, self._bar = trajectory, queries, bar
        self.samples = process.samples
        single = at_once(process)
        more = single > 1 and process.device.type == "cpu"  # a GPU's memory is what decides there
        self.at_once = MORE * single if more else single
        self.trainings = 0

    def __call__(self, members: Tensor) -> Tensor:
        """f_q [k, q] float64 on the processor after training on each of ``members`` [k, n] (truth values).

        Raises :class:`Diverged` for an outcome that is not finite.
        """
        found = [self._some(part) for part in members.split(self.at_once)]
        return torch.cat(found) if found else torch.zeros(0, len(self._queries), dtype=torch.float64)

    def of_none_and_all(self) -> tuple[Tensor, Tensor]:
        """f_q [q] of training on no sample and on all."""
        none, everyone = self(torch.tensor([[False], [True]]).expand(2, self.samples))
        return none, everyone

    def _some(self, members: Tensor) -> Tensor:
        process, rates, first = self._trajectory.process, self._trajectory.rates, self._trajectory.first
        start = self._trajectory.load(first)
        weights = members.to(process.device, process.dtype)
        if len(weights) == 1:
            states = [run(process, start, rates, first, weights=weights[0])]
        else:
            states = one_by_one(run_together(process, rates, weights, start=(first, start)))
        self.trainings += len(states)
        if self._bar is not None:
            self._bar.update(len(states))
        values = torch.stack([self._queries.values(state).cpu() for state in states])
        finite = torch.isfinite(values)
        if not finite.all():
            k, q = (int(place) for place in (~finite).nonzero()[0])
            raise Diverged(
                f"a training on {int(members[k].sum())} of {self.samples} samples ends with a value of "
                f"{self._queries.names[q]} that is not finite",
                "a finite outcome of every training",
                "lower training.optimizer.learning_rate, or leave the query out",
            )
        return values
