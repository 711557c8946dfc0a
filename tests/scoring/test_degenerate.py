"""Every method on data that hold next to nothing: numbers, or one sentence that says why there are none."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from hydra_steps.config import resolve_study
from hydra_steps.config.study import Method
from hydra_steps.data import RunData
from hydra_steps.errors import Diverged, NoScores, Unsuited
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.registry import names
from hydra_steps.scoring.attempt import attempt
from hydra_steps.scoring.methods import method_of
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import built, tiny_data, tiny_rates, tiny_settings
from tests.scoring.test_every_method import SMALL, SPECS

OPTIONS = {
    name: options for name, options in SMALL.items() if name not in ("confident_learning", "knn_disagreement")
}


def with_labels(labels: np.ndarray) -> RunData:
    data = tiny_data(samples=len(labels))
    train = replace(data.train, targets=labels.astype(np.int64))
    return replace(data, train=train, clean_targets=train.targets.copy())


def with_images(value: float) -> RunData:
    data = tiny_data(samples=16)
    return replace(data, train=replace(data.train, inputs=np.full_like(data.train.inputs, value)))


CASES = {
    "labels of one class": lambda: with_labels(np.ones(16)),
    "a class that no label names": lambda: with_labels(np.arange(16) % 2),
    "three samples a class": lambda: with_labels(np.arange(9) % 3),
    "two samples": lambda: tiny_data(samples=2),
    "one class in the data": lambda: tiny_data(
        samples=16, classes=1
    ),  # its loss and all its gradients are zero
    "features that are all equal": lambda: with_images(1.0),
    "features that are all zero": lambda: with_images(0.0),
}
# What a method that stands for its kind says; the others have numbers.
REASONS = {
    ("labels of one class", "confident_learning"): "all 16 training labels are of one class",
    ("labels of one class", "datalab"): "all 16 training labels are of one class",
    (
        "three samples a class",
        "confident_learning",
    ): "5 folds of 9 training samples, and no class has more than 3",
    ("three samples a class", "knn_disagreement"): "10 nearest neighbours of each of 9 training samples",
    ("three samples a class", "datalab"): "10 nearest neighbours of each of 9 training samples",
    ("two samples", "confident_learning"): "5 folds of 2 training samples, and no class has more than 1",
    ("two samples", "knn_disagreement"): "10 nearest neighbours of each of 2 training samples",
    ("two samples", "datalab"): "10 nearest neighbours of each of 2 training samples",
    ("one class in the data", "confident_learning"): "all 16 training labels are of one class",
    ("one class in the data", "datalab"): "all 16 training labels are of one class",
    ("one class in the data", "margin"): "the data have one class",
    ("one class in the data", "area_under_margin"): "the data have one class",
    ("one class in the data", "influence_ekfac"): "the data have one class",
    ("one class in the data", "relatif"): "the data have one class",
}


@pytest.fixture(scope="module", params=CASES)
def degenerate(request):
    data = CASES[request.param]()
    process = built(tiny_settings(), data)
    queries = QuerySet(expand_queries(SPECS, data), data, process)
    return request.param, Trajectory.in_memory(process, tiny_rates(process)), queries


@pytest.mark.parametrize("name", sorted(names("method")))
def test_numbers_or_a_reason(degenerate, name):
    case, trajectory, queries = degenerate
    options = resolve_study({"methods": {name: OPTIONS.get(name, {})}})["methods"][name]
    found, status = attempt(method_of(name, Method.of(options))[1], trajectory, queries, label=name)
    assert found.values.shape == (len(queries), trajectory.process.samples)
    if (case, name) in REASONS:
        assert status.startswith("unsuited: ")
        assert REASONS[case, name] in status
    elif status != "scored":
        assert status.startswith("diverged: ")
        # No curvature at all, where an eigenvalue may be missing; a kernel of too low a rank, which some processors'
        # round-off lets be inverted.
        singular = (case, name) == ("features that are all zero", "trak") and "is singular" in status
        assert singular or case == "one class in the data"
    if status != "scored":
        assert torch.isnan(found.values).all()
        assert re.search(r"expected: ", status)
        return
    tracked = found.arrays.get("tracked", slice(None))
    assert torch.isfinite(found.values[:, tracked]).all()


def test_what_datalab_keeps_to_itself_is_passed_on():
    data = tiny_data(samples=16)
    process = built(tiny_settings(), data)
    queries = QuerySet(expand_queries(SPECS, data), data, process)
    trajectory = Trajectory.in_memory(process, tiny_rates(process))
    process.inputs.fill_(torch.nan)
    with pytest.raises(Unsuited, match="Error in label"):
        method_of("datalab", Method.of({"method": "datalab", "features": "pixels"}))[1](trajectory, queries)


def test_both_kinds_are_findings_about_a_method():
    assert issubclass(Diverged, NoScores)
    assert (Diverged.status, Unsuited.status) == ("diverged", "unsuited")
