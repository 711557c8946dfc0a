"""From a module and its data to contributions, and to what really happens when samples are left out."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from typing import Any

import numpy as np
import xarray as xr
from torch import nn

from hydra_steps.config.averages import check_average
from hydra_steps.config.resolve import resolve_method
from hydra_steps.config.study import Method
from hydra_steps.counterfactual.retrainer import Retrainer
from hydra_steps.errors import StudyError, nearest
from hydra_steps.notebook.arrays import changes_array, contributions_array
from hydra_steps.notebook.given import DEFAULT_LOSS, SGD, Pair, data_of, positions_of, settings_of
from hydra_steps.process.building import build_process
from hydra_steps.process.compute import prepare_compute
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import evaluate, own_rates
from hydra_steps.process.trial.try_model import try_model
from hydra_steps.progress import Progress
from hydra_steps.queries.query import Query
from hydra_steps.scoring.attempt import SCORED, attempt
from hydra_steps.scoring.methods import method_of
from hydra_steps.trajectory.trajectory import Trajectory

MUCH = 5e8  # bytes of states that are kept; of more only one in √T
Asked = str | Query | Mapping[str, Any] | Sequence[str | Query | Mapping[str, Any]]


def train(
    module: nn.Module,
    train: Pair,
    test: Pair | None = None,
    *,
    validation: Pair | None = None,
    epochs: int = 10,
    batch_size: int = 64,
    optimizer: Mapping[str, Any] | None = None,
    loss: str | Mapping[str, Any] | None = None,
    schedule: str | Mapping[str, Any] = "constant",
    seed: int = 0,
    classes: Sequence[str] | None = None,
    names: Sequence[object] | None = None,
    device: str = "cpu",
    dtype: str = "float32",
    **training: Any,
) -> Run:
    """Train a copy of ``module`` from the weights that it has, and keep what scores need.

    ``train``, ``validation`` and ``test`` are pairs of inputs [n, …] and targets [n, …]. ``optimizer`` is
    :func:`.given.SGD` (by default of rate 0.05), :func:`.given.Adam`, or another of a study's; ``loss`` and
    ``schedule`` are names, or sections with options; ``training`` holds further keys of a study's section of that
    name (``clip``, ``sampling``, …). ``seed`` decides the order of the batches; ``names`` are those of the training
    samples in results. The module is tried first, and refused where scores would not be exact. Cost: one training, and
    memory for its states.
    """
    data = data_of(train, validation, test, _name(loss), classes)
    section = {
        "epochs": epochs,
        "batch_size": batch_size,
        "optimizer": dict(optimizer or SGD(0.05)),
        "loss": _section(loss or DEFAULT_LOSS[data.asks]),
        "schedule": _section(schedule),
        **training,
    }
    settings = settings_of(section, {"device": device, "dtype": dtype}, seed)
    prepare_compute(settings.compute)
    kept = copy.deepcopy(module)
    process = build_process(settings, data, lambda: copy.deepcopy(kept))
    try_model(process)
    size = process.steps * process.model.initial.numel() * (1 + process.optimizer.slots) * 8
    every = 1 if size <= MUCH else max(1, isqrt(process.steps))
    rates = own_rates(process, data.validation)
    process = process.until(len(rates))
    keep = range(0, process.steps + 1, every)
    return Run(Trajectory.in_memory(process, rates, keep, data=data), names)


@dataclass
class Run:
    """A training in memory: its ``trajectory``, and the training samples' ``names``, if they have any."""

    trajectory: Trajectory
    names: Sequence[object] | None = None

    @property
    def module(self) -> nn.Module:
        """The trained module, in evaluation mode."""
        return self.trajectory.model_at(self.trajectory.steps)

    def performance(self) -> xr.DataArray:
        """Mean loss and metric (accuracy, R², …) of each split at the end [split, measure]."""
        process, data = self.trajectory.process, self._data
        rows, there = [], [name for name in ("train", "validation", "test") if len(getattr(data, name))]
        for name in there:
            part = getattr(data, name)
            rows.append(
                evaluate(
                    process,
                    self.trajectory.final_state,
                    process.place(part.inputs),
                    process.place(part.targets),
                )
            )
        coords = {"split": there, "measure": ["loss", process.metric]}
        return xr.DataArray(np.array(rows), dims=("split", "measure"), coords=coords, name="performance")

    def score(self, method: str = "hydra_exact", query: Asked | None = None, **options: Any) -> xr.DataArray:
        """Contributions of all training samples [query, sample], by a method of the registry with its options.

        ``query``: ``"test_mean"`` (the default where there are test samples), ``"test_sample_3"``, an entry of a
        study's section ``queries``, or several. Attributes say the unit, and what the method found out by the way.
        Raises :class:`StudyError` for what is unknown, and for a method that has no scores here.
        """
        queries = self._queries(query)
        entry, function = method_of(method, Method.of(resolve_method(method, options)))
        check_average(entry, self.trajectory.process.settings.training.average, method)
        found, status = attempt(function, self.trajectory, queries, label=method)
        if status != SCORED:
            raise StudyError(
                f"{method} has no scores here ({status})", "a method that fits", "choose another method"
            )
        values = found.values.double().cpu().numpy()
        about = {"method": method, "unit": entry.traits["unit"], "diagnostics": found.diagnostics}
        return contributions_array(values, queries.names, self.names, **about)

    def retrain_without(self, groups: Sequence[Sequence[int]], query: Asked | None = None) -> xr.DataArray:
        """What queries really change by when groups of training samples are left out [group, query].

        ``groups`` hold positions. Seed, order of the batches and everything else stay the same. Cost: one training a
        group, several at once where that is faster.
        """
        queries, data = self._queries(query), self._data
        retrainer = Retrainer(self.trajectory, queries, data.test.inputs, data.test.targets)
        base = queries.values(self.trajectory.final_state).cpu().numpy()
        positions, size = positions_of(groups, len(data.train)), retrainer.at_once
        rows: list[np.ndarray] = []
        with Progress(total=len(positions), desc="re-training", unit="group", mininterval=1) as bar:
            for first in range(0, len(positions), size):
                part = positions[first : first + size]
                made = retrainer.outcomes(part) if size > 1 else [retrainer.outcome(part[0])]
                rows += [outcome.value - base for outcome in made]
                bar.update(len(part))
        return changes_array(np.array(rows), queries.names)

    @property
    def _data(self) -> Any:
        return self.trajectory.data

    def _queries(self, asked: Asked | None) -> QuerySet:
        """The queries of names, entries of a study, and queries themselves."""
        if asked is None:
            asked = "test_mean" if len(self._data.test) else "train_mean"
        found: list[Query] = []
        for one in [asked] if isinstance(asked, str | Mapping | Query) else asked:
            if isinstance(one, Query):
                found.append(one)
            elif isinstance(one, str):
                found.append(self._named(one))
            else:
                found += expand_queries([one], self._data)
        return QuerySet(found, self._data, self.trajectory.process)

    def _named(self, name: str) -> Query:
        specs: list[dict[str, Any]] = []
        for split in ("test", "validation", "train"):
            if count := len(getattr(self._data, split)):
                specs += [{"kind": "mean_loss", "split": split}]
                specs += [{"kind": "sample_loss", "split": split, "count": count}]
        known = {query.name: query for query in expand_queries(specs, self._data)}
        if name not in known:
            raise StudyError(
                f"the query {name!r} is unknown",
                "test_mean, test_sample_0, … or an entry of a study, {'kind': 'sample_margin', 'samples': [0]}",
                nearest(name, list(known)),
            )
        return known[name]


def _name(section: str | Mapping[str, Any] | None) -> str | None:
    return section if section is None or isinstance(section, str) else str(section["name"])


def _section(section: str | Mapping[str, Any]) -> dict[str, Any]:
    return {"name": section} if isinstance(section, str) else dict(section)
