"""The kinds of queries: what is asked of each sample, whose mean over a split, a class or one sample is the query."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from hydra_steps.registry.decorators import query
from hydra_steps.tasks.classes import margins
from hydra_steps.tasks.losses import Loss
from hydra_steps.tasks.tokens import log_likelihoods


@query("mean_loss", title="mean loss", over="split", label="{split}_mean", words="mean {split} loss")
def mean_loss(outputs: Tensor, targets: Tensor, loss: Loss) -> Tensor:
    """Mean loss of a split."""
    return loss.values(outputs, targets)


@query(
    "class_loss",
    title="loss of each class",
    over="class",
    label="{split}_class_{index}",
    words="{split} loss, class {index}",
    targets=("class",),
)
def class_loss(outputs: Tensor, targets: Tensor, loss: Loss) -> Tensor:
    """Mean loss of each class of a split."""
    return loss.values(outputs, targets)


@query(
    "sample_loss",
    title="loss of single samples",
    over="sample",
    label="{split}_sample_{index}",
    words="loss of {split} sample {index}",
)
def sample_loss(outputs: Tensor, targets: Tensor, loss: Loss) -> Tensor:
    """Loss of single samples. On the training split it includes each sample's influence on itself."""
    return loss.values(outputs, targets)


@query(
    "sample_margin",
    title="margin of single samples",
    over="sample",
    label="{split}_margin_{index}",
    words="margin of {split} sample {index}",
    quantity="margin",
    targets=("class",),
)
def sample_margin(logits: Tensor, targets: Tensor, loss: Loss) -> Tensor:
    """Margin of single samples (log-odds of the label)."""
    return margins(logits, targets)


@query(
    "sample_log_odds",
    title="log-odds of a label of single samples",
    over="sample",
    label="{split}_log_odds_{position}_{index}",
    words="log-odds of label {position} of {split} sample {index}",
    quantity="log-odds",
    targets=("labels",),
)
def sample_log_odds(
    outputs: Tensor, targets: Tensor, loss: Loss, position: Annotated[int, "x >= 0"] = 0
) -> Tensor:
    """Log-odds that the model gives a label of single samples.

    Options:
        position: The label, counted from 0.
    """
    return outputs[:, position]


@query(
    "sample_value",
    title="predicted value of single samples",
    over="sample",
    label="{split}_value_{position}_{index}",
    words="predicted value {position} of {split} sample {index}",
    quantity="value",
    targets=("numbers",),
)
def sample_value(
    outputs: Tensor, targets: Tensor, loss: Loss, position: Annotated[int, "x >= 0"] = 0
) -> Tensor:
    """A number that the model predicts of single samples.

    Options:
        position: Which of the numbers, counted from 0.
    """
    return outputs[:, position]


@query(
    "sample_residual",
    title="residual of single samples",
    over="sample",
    label="{split}_residual_{position}_{index}",
    words="residual {position} of {split} sample {index}",
    quantity="residual",
    targets=("numbers",),
)
def sample_residual(
    outputs: Tensor, targets: Tensor, loss: Loss, position: Annotated[int, "x >= 0"] = 0
) -> Tensor:
    """What a number of single samples is above the predicted one.

    Options:
        position: Which of the numbers, counted from 0.
    """
    return targets[:, position] - outputs[:, position]


@query(
    "sample_continuation",
    title="log-likelihood of a continuation of single sequences",
    over="sample",
    label="{split}_continuation_{start}_{index}",
    words="log-likelihood of {split} sequence {index} from place {start} on",
    quantity="log-likelihood",
    targets=("tokens",),
)
def sample_continuation(
    outputs: Tensor, targets: Tensor, loss: Loss, start: Annotated[int, "x >= 0"] = 0
) -> Tensor:
    """Log-likelihood of what follows in single sequences, summed over its tokens (nats).

    Options:
        start: The place of the first token that counts; what stands before it is given.
    """
    return log_likelihoods(outputs, targets)[:, start:].sum(-1)
