"""Losses of single samples as functions of the logits, with what the sweeps need of them in closed form.

A loss gives, for logits z [..., b, c] and integer labels y [b]:

* ``values``  ℓ [..., b]
* ``slope``   ∂ℓ/∂z [..., b, c], differentiable in z
* ``bend``    (∂²ℓ/∂z²) ż [..., b, c], for a tangent ż that z broadcasts to: the Gauss–Newton matrix's inner factor
* ``direction``  ∂ℓ/∂z over its largest entry [..., b, c], and that entry's logarithm [..., b], in float64

The direction is right for samples whose loss is too small for ``slope``: where p_y is 1 but for round-off, p_y − 1 is
not a number to divide by. The closed forms are cheaper than nested automatic differentiation and, the direction apart,
stay differentiable; the tests compare them with autograd.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from hydra_steps.registry import find, load
from hydra_steps.registry.decorators import task
from hydra_steps.registry.options import options_of


class Loss(Protocol):
    """See the module's docstring."""

    def values(self, logits: Tensor, labels: Tensor) -> Tensor: ...
    def slope(self, logits: Tensor, labels: Tensor) -> Tensor: ...
    def bend(self, logits: Tensor, tangent: Tensor, labels: Tensor) -> Tensor: ...
    def direction(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]: ...


@task("cross_entropy", title="cross-entropy")
@dataclass(frozen=True)
class CrossEntropy:
    """Cross-entropy with optional label smoothing, as ``functional.cross_entropy`` defines it (nats).

    Options:
        label_smoothing: Share of the target spread over all classes.
    """

    label_smoothing: Annotated[float, "0 <= x < 1"] = 0.0

    def values(self, logits: Tensor, labels: Tensor) -> Tensor:
        return functional.cross_entropy(
            logits, labels, reduction="none", label_smoothing=self.label_smoothing
        )

    def slope(self, logits: Tensor, labels: Tensor) -> Tensor:
        classes = logits.shape[-1]
        targets = one_hot(labels, logits)
        if self.label_smoothing:
            targets = targets * (1 - self.label_smoothing) + self.label_smoothing / classes
        return logits.softmax(-1) - targets

    def bend(self, logits: Tensor, tangent: Tensor, labels: Tensor) -> Tensor:
        share = logits.softmax(-1) * tangent
        return share - logits.softmax(-1) * share.sum(-1, keepdim=True)

    def direction(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        logits = logits.double()
        if self.label_smoothing or logits.shape[-1] < 2:  # a single class has no others, and no slope
            return _over_largest(self.slope(logits, labels))
        own = is_label(labels, logits)
        others = logits.masked_fill(own, -torch.inf).softmax(-1)
        return others - own.double(), functional.logsigmoid(-margins(logits, labels))


@task("mean_squared_error", title="mean-squared-error")
@dataclass(frozen=True)
class MeanSquaredError:
    """Squared distance to the one-hot label, averaged over the classes."""

    def values(self, logits: Tensor, labels: Tensor) -> Tensor:
        return (logits - one_hot(labels, logits)).square().mean(-1)

    def slope(self, logits: Tensor, labels: Tensor) -> Tensor:
        return (logits - one_hot(labels, logits)) * (2 / logits.shape[-1])

    def bend(self, logits: Tensor, tangent: Tensor, labels: Tensor) -> Tensor:
        return tangent * (2 / logits.shape[-1])

    def direction(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return _over_largest(self.slope(logits.double(), labels))


@dataclass(frozen=True)
class ValuesAlone:
    """A loss given as its values alone, ``(logits [b, c], labels [b]) -> [b]``, each sample's from its own logits; the
    rest comes from automatic differentiation."""

    function: Callable[[Tensor, Tensor], Tensor]

    def values(self, logits: Tensor, labels: Tensor) -> Tensor:
        return self.function(logits.reshape(-1, logits.shape[-1]), labels.reshape(-1)).view(labels.shape)

    def slope(self, logits: Tensor, labels: Tensor) -> Tensor:
        slope: Tensor = torch.func.grad(lambda z: self.values(z, labels).sum())(logits)
        return slope

    def bend(self, logits: Tensor, tangent: Tensor, labels: Tensor) -> Tensor:
        logits, labels = logits.expand_as(tangent), labels.expand(tangent.shape[:-1])
        # Twice backward: not every function has a forward mode that can be differentiated again.
        bent: Tensor = torch.func.grad(lambda z: (self.slope(z, labels) * tangent).sum())(logits)
        return bent

    def direction(self, logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return _over_largest(self.slope(logits.double(), labels))


def _over_largest(slope: Tensor) -> tuple[Tensor, Tensor]:
    """``slope`` [..., c] over its largest entry, zeros where all are 0, and that entry's logarithm [...]."""
    largest = slope.abs().amax(-1)
    return slope / largest.where(largest > 0, 1)[..., None], largest.log()


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


def build_loss(name: str, options: Mapping[str, Any]) -> Loss:
    """The loss of a task; options that are not given take their defaults.

    Raises :class:`StudyError` for an unknown name or option.
    """
    chosen = options_of(find("task", name, "training.loss.name"), options, "training.loss")
    built = load("task", name)(**chosen)
    return built if hasattr(built, "slope") else ValuesAlone(built)
