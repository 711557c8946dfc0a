"""One class of each sample: cross-entropy, and the squared distance to the one-hot class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor
from torch.nn import functional

from hydra_steps.registry.decorators import task
from hydra_steps.tasks.losses import over_largest


@task("cross_entropy", title="cross-entropy")
@dataclass(frozen=True)
class CrossEntropy:
    """Cross-entropy with optional label smoothing and weights of the classes, as ``functional.cross_entropy`` defines
    it for single samples (nats).

    A class's weight multiplies the loss of its samples; a batch's mean is over its samples and not over their weights,
    which would make a sample's share depend on the others.

    Options:
        label_smoothing: Share of the target spread over all classes.
        class_weights: A weight of each class, in their order. Empty for all alike.
    """

    label_smoothing: Annotated[float, "0 <= x < 1"] = 0.0
    class_weights: Sequence[Annotated[float, "x > 0"]] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "class_weights", tuple(self.class_weights))  # YAML gives a list

    def values(self, logits: Tensor, targets: Tensor) -> Tensor:
        weights = self._weights(logits) if self.class_weights else None
        return functional.cross_entropy(
            logits, targets, weights, reduction="none", label_smoothing=self.label_smoothing
        )

    def slope(self, logits: Tensor, targets: Tensor) -> Tensor:
        shares = self._shares(logits, targets)
        if not self.class_weights:
            return logits.softmax(-1) - shares
        return logits.softmax(-1) * shares.sum(-1, keepdim=True) - shares

    def bend(self, logits: Tensor, tangent: Tensor, targets: Tensor) -> Tensor:
        share = logits.softmax(-1) * tangent
        bent = share - logits.softmax(-1) * share.sum(-1, keepdim=True)
        return bent * self._shares(logits, targets).sum(-1, keepdim=True) if self.class_weights else bent

    def direction(self, logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        logits = logits.double()
        if self.label_smoothing or logits.shape[-1] < 2:  # a single class has no others, and no slope
            return over_largest(self.slope(logits, targets))
        own = is_label(targets, logits)
        others = logits.masked_fill(own, -torch.inf).softmax(-1)
        size = functional.logsigmoid(-margins(logits, targets))
        if self.class_weights:
            size = size + self._weights(logits)[targets].log()
        return others - own.double(), size

    def _weights(self, logits: Tensor) -> Tensor:
        return torch.tensor(self.class_weights, dtype=logits.dtype, device=logits.device)

    def _shares(self, logits: Tensor, targets: Tensor) -> Tensor:
        """How much of the target each class has, times its weight [..., c]."""
        shares = one_hot(targets, logits)
        if self.label_smoothing:
            shares = shares * (1 - self.label_smoothing) + self.label_smoothing / logits.shape[-1]
        return shares * self._weights(logits) if self.class_weights else shares


@task("mean_squared_error", title="mean-squared-error")
@dataclass(frozen=True)
class MeanSquaredError:
    """Squared distance to the one-hot label, averaged over the classes."""

    def values(self, logits: Tensor, targets: Tensor) -> Tensor:
        return (logits - one_hot(targets, logits)).square().mean(-1)

    def slope(self, logits: Tensor, targets: Tensor) -> Tensor:
        return (logits - one_hot(targets, logits)) * (2 / logits.shape[-1])

    def bend(self, logits: Tensor, tangent: Tensor, targets: Tensor) -> Tensor:
        return tangent * (2 / logits.shape[-1])

    def direction(self, logits: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return over_largest(self.slope(logits.double(), targets))


def is_label(labels: Tensor, logits: Tensor) -> Tensor:
    """Whether an entry belongs to the label: labels [...] and logits [..., c] → bool [..., c].

    A comparison, because ``functional.one_hot`` looks at the labels' values, which ``vmap`` does not allow.
    """
    return labels[..., None] == torch.arange(logits.shape[-1], device=labels.device)


def one_hot(labels: Tensor, logits: Tensor) -> Tensor:
    """The labels [...] as rows of zeros with a one, of the shape and precision of ``logits`` [..., c].

    >>> one_hot(torch.tensor([1]), torch.zeros(1, 3))
    tensor([[0., 1., 0.]])
    """
    return is_label(labels, logits).to(logits.dtype)


def margins(logits: Tensor, labels: Tensor) -> Tensor:
    """The label's logit minus the logsumexp of the others [b]: the log-odds of the right class.

    >>> margins(torch.tensor([[2.0, 0.5]]), torch.tensor([0]))
    tensor([1.5000])
    """
    own = is_label(labels, logits)
    return logits.where(own, 0).sum(-1) - logits.masked_fill(own, -torch.inf).logsumexp(-1)
