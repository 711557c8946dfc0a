"""Losses of single samples against PyTorch's own, and under the transforms that the methods put them through."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional

from hydra_steps.tasks.classes import margins
from hydra_steps.tasks.losses import build_loss

LOSSES: dict[str, tuple[str, dict[str, Any]]] = {
    "cross_entropy": ("cross_entropy", {}),
    "smoothed": ("cross_entropy", {"label_smoothing": 0.2}),
    "mean_squared_error": ("mean_squared_error", {}),
}
LABELS = torch.tensor([0, 3, 1, 2, 2])


def _logits() -> torch.Tensor:
    return torch.randn(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", LOSSES)
def test_values_are_torchs(name: str) -> None:
    logits = _logits()
    if name == "mean_squared_error":
        target = functional.one_hot(LABELS, 4).double()
        expected = functional.mse_loss(logits, target, reduction="none").mean(1)
    else:
        smoothing = LOSSES[name][1].get("label_smoothing", 0.0)
        expected = functional.cross_entropy(logits, LABELS, reduction="none", label_smoothing=smoothing)
    assert torch.equal(build_loss(*LOSSES[name]).values(logits, LABELS), expected)


@pytest.mark.parametrize("name", LOSSES)
def test_every_form_can_be_mapped_over_single_samples(name: str) -> None:
    """One sample's label is then a tensor without axes, whose value no function may look at."""
    loss, logits = build_loss(*LOSSES[name]), _logits()
    for form in (loss.values, loss.slope):
        alone = torch.func.vmap(lambda z, y, form=form: form(z[None], y[None])[0])(logits, LABELS)
        assert torch.allclose(alone, form(logits, LABELS), rtol=1e-14, atol=0)
        bare = torch.func.vmap(form)(logits, LABELS)
        assert torch.allclose(bare, form(logits, LABELS), rtol=1e-14, atol=0)
    found = torch.func.vmap(torch.func.grad(lambda z, y: loss.values(z[None], y[None]).sum()))(logits, LABELS)
    assert torch.allclose(found, loss.slope(logits, LABELS), rtol=1e-12, atol=1e-16)


def test_margins_are_the_log_odds_of_the_label_and_can_be_mapped() -> None:
    logits = _logits()
    p = logits.softmax(-1)[torch.arange(5), LABELS]
    assert torch.allclose(margins(logits, LABELS), (p / (1 - p)).log(), rtol=1e-12, atol=1e-14)
    assert torch.equal(torch.func.vmap(margins)(logits, LABELS), margins(logits, LABELS))
