"""The kinds of queries: what is asked of each sample, whose mean over a split, a class or one sample is the query."""

from __future__ import annotations

from torch import Tensor

from hydra_steps.registry.decorators import query
from hydra_steps.tasks.losses import Loss, margins


@query("mean_loss", title="mean loss", over="split", label="{split}_mean", words="mean {split} loss")
def mean_loss(logits: Tensor, targets: Tensor, loss: Loss) -> Tensor:
    """Mean loss of a split."""
    return loss.values(logits, targets)


@query(
    "class_loss",
    title="loss of each class",
    over="class",
    label="{split}_class_{index}",
    words="{split} loss, class {index}",
)
def class_loss(logits: Tensor, targets: Tensor, loss: Loss) -> Tensor:
    """Mean loss of each class of a split."""
    return loss.values(logits, targets)


@query(
    "sample_loss",
    title="loss of single samples",
    over="sample",
    label="{split}_sample_{index}",
    words="loss of {split} sample {index}",
)
def sample_loss(logits: Tensor, targets: Tensor, loss: Loss) -> Tensor:
    """Loss of single samples. On the training split it includes each sample's influence on itself."""
    return loss.values(logits, targets)


@query(
    "sample_margin",
    title="margin of single samples",
    over="sample",
    label="{split}_margin_{index}",
    words="margin of {split} sample {index}",
    quantity="margin",
)
def sample_margin(logits: Tensor, targets: Tensor, loss: Loss) -> Tensor:
    """Margin of single samples (log-odds of the label)."""
    return margins(logits, targets)
