"""Next tokens: a sample is a sequence of l tokens, its targets [..., b, l] those that follow, −100 where none is asked.

Outputs [..., b, l·v] are the logits of the v tokens at each place. The loss of a sample is the mean over its own
tokens, so that it does not depend on the length of the others in its batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from hydra_steps.registry.decorators import task
from hydra_steps.tasks.classes import is_label, one_hot

ABSENT = -100  # PyTorch's own mark of a place that does not count


@task("next_token", title="next-token cross-entropy", targets="tokens", metric="perplexity")
@dataclass(frozen=True)
class NextToken:
    """Cross-entropy of the next tokens, averaged over the places of a sequence that ask for one (nats per token)."""

    def values(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return -(log_likelihoods(outputs, targets) * _counted(outputs, targets)).sum(-1)

    def slope(self, outputs: Tensor, targets: Tensor) -> Tensor:
        logits, counted = by_place(outputs, targets), _counted(outputs, targets)
        return ((logits.softmax(-1) - one_hot(targets, logits)) * counted[..., None]).flatten(-2)

    def bend(self, outputs: Tensor, tangent: Tensor, targets: Tensor) -> Tensor:
        p, z_dot = by_place(outputs, targets).softmax(-1), by_place(tangent, targets)
        bent = p * z_dot - p * (p * z_dot).sum(-1, keepdim=True)
        return (bent * _counted(outputs, targets)[..., None]).flatten(-2)

    def direction(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        outputs = outputs.double()
        logits, counted = by_place(outputs, targets), _counted(outputs, targets)
        own = is_label(targets, logits)
        others = logits.log_softmax(-1).masked_fill(own, -torch.inf)
        missed = others.logsumexp(-1)  # log(1 − p) of each token asked for, never lost
        sizes = (missed + counted.log()).where(counted > 0, -torch.inf)
        largest = sizes.amax(-1, keepdim=True)
        share = (sizes - largest).exp().where(largest > -torch.inf, 0)
        slope = (others - missed[..., None]).exp() - own.double()
        return (slope * share[..., None]).flatten(-2), largest[..., 0]


def by_place(outputs: Tensor, targets: Tensor) -> Tensor:
    """Outputs [..., l·v] as logits [..., l, v] of the tokens at each of the l places of ``targets``."""
    logits: Tensor = outputs.unflatten(-1, (targets.shape[-1], -1))
    return logits


def is_asked(targets: Tensor) -> Tensor:
    """Which places ask for a token, bool [..., l]."""
    return targets >= 0


def log_likelihoods(outputs: Tensor, targets: Tensor) -> Tensor:
    """log p of the tokens asked for [..., l], 0 at places that ask for none."""
    logits = by_place(outputs, targets)
    own = is_label(targets, logits)
    return logits.log_softmax(-1).where(own, 0).sum(-1)


def _counted(outputs: Tensor, targets: Tensor) -> Tensor:
    """The share that each place has of a sample's loss [..., l]."""
    asked = is_asked(targets).to(outputs.dtype)
    return asked / asked.sum(-1, keepdim=True).clamp(min=1)
