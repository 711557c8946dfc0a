"""Models of texts: exact scores for whole texts and for next tokens, and no look ahead."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from hydra_steps.data.run_data import RunData, Split
from hydra_steps.errors import StudyError
from hydra_steps.models.build import build_model
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.trial.try_model import try_model
from hydra_steps.scoring.hydra import hydra_exact
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import built, relative_error, tiny_data, tiny_rates, tiny_settings
from tests.helpers.unrolled import unrolled_contribution

TOKENS, LENGTH = 6, 5
MODELS: list[dict[str, Any]] = [
    {"name": "gru", "vocabulary": TOKENS, "width": 3},
    {"name": "text_transformer", "vocabulary": TOKENS, "width": 4, "heads": 2, "depth": 1},
]


def texts(next_tokens: bool) -> RunData:
    """Random texts of one to five tokens, padded with 0; their classes, or the token after each."""
    draw, data = np.random.default_rng(0), tiny_data()

    def split(part: Split) -> Split:
        tokens = draw.integers(1, TOKENS, (len(part), LENGTH))
        tokens[np.arange(LENGTH) >= draw.integers(2, LENGTH + 1, len(part))[:, None]] = 0
        after = np.pad(tokens[:, 1:], ((0, 0), (0, 1)))
        return Split(
            tokens, np.where(after > 0, after, -100) if next_tokens else part.targets, part.source_index
        )

    made = replace(data, train=split(data.train), validation=split(data.validation), test=split(data.test))
    words = tuple(str(token) for token in range(TOKENS))
    return (
        replace(made, outputs=words, asks="tokens", clean_targets=None, is_noisy=None)
        if next_tokens
        else made
    )


@pytest.mark.parametrize("next_tokens", [False, True])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model["name"])
def test_scores_are_derivatives_of_the_training(model: dict[str, Any], next_tokens: bool) -> None:
    settings, data = tiny_settings(epochs=1), texts(next_tokens)
    settings["model"] = model | {"every_place": next_tokens}
    if next_tokens:
        settings["training"]["loss"] = {"name": "next_token"}
    process = built(settings, data)
    try_model(process)
    rates = tiny_rates(process)
    queries = QuerySet(expand_queries([{"kind": "mean_loss", "split": "test"}], data), data, process)
    found = hydra_exact(Trajectory.in_memory(process, rates), queries).values
    expected = unrolled_contribution(process, rates, queries, process.loss.values)
    assert expected.abs().max() > 1e-6
    assert relative_error(found, expected) <= 1e-8


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model["name"])
def test_what_comes_later_changes_nothing_before(model: dict[str, Any]) -> None:
    options = {key: value for key, value in model.items() if key != "name"}
    module = build_model(model["name"], (LENGTH,), TOKENS, options | {"every_place": True}, seed=0).eval()
    tokens = torch.tensor([[1, 2, 3, 4, 5], [1, 2, 3, 5, 0]])
    said = module(tokens)
    assert torch.allclose(said[0, :3], said[1, :3], atol=1e-6)
    assert not torch.allclose(said[0, 3], said[1, 3], atol=1e-3)
    whole = build_model(model["name"], (LENGTH,), 2, options, seed=0).eval()
    padded = torch.tensor([[1, 2, 0, 0, 0]])
    assert torch.allclose(whole(padded), whole(padded[:, :2]), atol=1e-6)


def test_samples_that_are_no_texts_are_refused() -> None:
    with pytest.raises(StudyError, match=r"shape \(1, 8, 8\); expected: token numbers"):
        build_model("gru", (1, 8, 8), 3, {}, seed=0)
    with pytest.raises(StudyError, match="a multiple of heads"):
        build_model("text_transformer", (5,), 3, {"width": 6}, seed=0)
