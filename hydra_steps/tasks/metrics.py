"""What counts as good predictions of a split: computed from sums over its samples, so that parts of it can be added.

accuracy        share of samples whose class is predicted
mean_accuracy   share of right labels, over samples and labels
f1              F1 of the labels, the mean over those that some sample has
r2              1 − Σ(y − ŷ)² / Σ(y − ȳ)², the mean over the numbers asked for; NaN where all of a split are equal
perplexity      e to the mean cross-entropy of all tokens of the split (of its tokens, not its sequences)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from hydra_steps.tasks.tokens import is_asked, log_likelihoods


@dataclass(frozen=True)
class Measure:
    """``sums``: (outputs [n, c], targets [n, …]) → what is added over parts of a split, float64; ``value`` of the whole
    sum and the number of samples."""

    sums: Callable[[Tensor, Tensor], Tensor]
    value: Callable[[Tensor, int], float]


def _right(logits: Tensor, targets: Tensor) -> Tensor:
    return (logits.argmax(-1) == targets).sum()


def _right_labels(logits: Tensor, targets: Tensor) -> Tensor:
    right = ((logits > 0) == (targets > 0.5)).double()
    return torch.stack([right.sum(), torch.ones_like(right).sum()])


def _hits(logits: Tensor, targets: Tensor) -> Tensor:
    """True positives, predicted and true ones of each label [3, k]."""
    predicted, true = (logits > 0).double(), (targets > 0.5).double()
    return torch.stack([(predicted * true).sum(0), predicted.sum(0), true.sum(0)])


def _f1(hits: Tensor, samples: int) -> float:
    there = hits[2] > 0
    return float((2 * hits[0] / (hits[1] + hits[2]))[there].mean())


def _squares(outputs: Tensor, targets: Tensor) -> Tensor:
    """Σ(y − ŷ)², Σy and Σy² of each number [3, k]."""
    y, error = targets.double(), targets.double() - outputs.double()
    return torch.stack([error.square().sum(0), y.sum(0), y.square().sum(0)])


def _r2(sums: Tensor, samples: int) -> float:
    spread = sums[2] - sums[1].square() / samples
    share = (sums[0] / spread).where(spread > 0, torch.nan)
    return float(1 - share.mean())


def _likelihood(outputs: Tensor, targets: Tensor) -> Tensor:
    tokens = is_asked(targets).sum().double()
    return torch.stack([log_likelihoods(outputs.double(), targets).sum(), tokens])


MEASURES: dict[str, Measure] = {
    "accuracy": Measure(_right, lambda right, samples: int(right) / samples),
    "mean_accuracy": Measure(_right_labels, lambda sums, samples: float(sums[0] / sums[1])),
    "f1": Measure(_hits, _f1),
    "r2": Measure(_squares, _r2),
    "perplexity": Measure(_likelihood, lambda sums, samples: float((-sums[0] / sums[1]).exp())),
}
