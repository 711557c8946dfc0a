"""Products of samples' gradients with directions: the two ways agree, and each network takes the one that pays."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from hydra_steps.scoring import gradient_products
from hydra_steps.scoring.gradient_products import (
    MATERIALISE_FROM,
    MATERIALISE_RECURRENT_FROM,
    batch_products,
    per_sample_gradients,
)
from tests.helpers.tiny import built, relative_error, tiny_settings
from tests.models.test_text_models import MODELS, texts

FROM = {"gru": MATERIALISE_RECURRENT_FROM[nn.GRU], "text_transformer": MATERIALISE_FROM}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model["name"])
@pytest.mark.parametrize("fewer", [0, 1])
def test_both_ways_agree(model: dict[str, Any], fewer: int, monkeypatch: pytest.MonkeyPatch) -> None:
    process = built(tiny_settings(epochs=1) | {"model": model}, texts(False))
    state, batch = process.initial_state(), process.batch(0)
    count = FROM[model["name"]] - fewer
    directions = torch.randn(
        count, len(state.parameters), dtype=process.dtype, generator=torch.Generator().manual_seed(0)
    )
    rows = per_sample_gradients(process, state, batch)
    taken = []
    monkeypatch.setattr(gradient_products, "per_sample_gradients", lambda *given: taken.append(given) or rows)
    assert relative_error(batch_products(process, state, batch, directions), directions @ rows.T) <= 1e-12
    assert len(taken) == 1 - fewer
