"""The transformer for tables: a column is a token wherever it stands, and scores are exact."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hydra_steps.data import RunData, Split
from hydra_steps.errors import StudyError
from hydra_steps.models.build import build_model
from hydra_steps.models.dropout import KeyedDropout
from hydra_steps.process.paths import Path
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.trial.try_model import try_model
from hydra_steps.scoring.hydra import hydra_exact
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import built, relative_error, tiny_data, tiny_rates, tiny_settings
from tests.helpers.unrolled import unrolled_contribution

SMALL = {"name": "table_transformer", "width": 4, "heads": 2, "depth": 1}


def rows() -> RunData:
    """Eleven rows of four numbers, with a class each."""
    data = tiny_data(side=2)

    def flat(split: Split) -> Split:
        return replace(split, inputs=split.inputs.reshape(len(split.inputs), -1))

    return replace(data, train=flat(data.train), validation=flat(data.validation), test=flat(data.test))


def test_columns_in_another_order_with_their_vectors_say_the_same() -> None:
    model = build_model("table_transformer", (5,), 3, {"depth": 2}, seed=0).eval()
    given, order = (
        torch.randn(4, 5, generator=torch.Generator().manual_seed(0)),
        torch.tensor([3, 0, 4, 1, 2]),
    )
    said = model(given).detach()
    assert said.shape == (4, 3)
    assert relative_error(model(given[:, order]).detach(), said) > 1e-3
    with torch.no_grad():
        for part in (model.scales, model.offsets):
            part.copy_(part[order])
    assert relative_error(model(given[:, order]).detach(), said) < 1e-5


def test_dropout_is_drawn_by_sample() -> None:
    layers = build_model("table_transformer", (5,), 3, {"dropout": 0.3}, seed=0).modules()
    assert {layer.rate for layer in layers if isinstance(layer, KeyedDropout)} == {0.3}


def test_scores_are_derivatives_of_the_training() -> None:
    data = rows()
    process = built(tiny_settings() | {"model": SMALL}, data)
    try_model(process)
    assert process.model.path is Path.RULES
    rates = tiny_rates(process)
    queries = QuerySet(expand_queries([{"kind": "mean_loss", "split": "test"}], data), data, process)
    found = hydra_exact(Trajectory.in_memory(process, rates), queries).values
    assert relative_error(found, unrolled_contribution(process, rates, queries)) <= 1e-8


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((1, 8, 8), {}, r"samples of the shape \(1, 8, 8\); expected: rows of numbers"),
        ((6,), {"width": 9}, "a multiple of heads"),
    ],
)
def test_what_cannot_be_built_is_named(shape: tuple[int, ...], options: dict[str, int], message: str) -> None:
    with pytest.raises(StudyError, match=message):
        build_model("table_transformer", shape, 10, options, seed=0)
