"""What a user of PyTorch would have written: the module with PyTorch's own layers, and the loss of its tutorials."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from hydra_steps.errors import StudyError
from hydra_steps.models.layers import BatchNorm
from hydra_steps.models.pooling import AveragePool, MaxPool

PlainLoss = Callable[
    [Any, Tensor], Tensor
]  # what a module gives for a batch, its targets → the mean to be minimised


def plain_loss(name: str, options: Mapping[str, Any]) -> PlainLoss:
    """The loss ``name`` as one call of PyTorch's; raises :class:`StudyError` for one that has none."""
    options = dict(options)
    smoothing = options.pop("label_smoothing", 0.0)
    if name not in _LOSSES or any(options.values()):
        chosen = f"{name} with {options}" if name in _LOSSES else name
        raise StudyError(
            f"the timing study compares with a training in plain PyTorch, and the loss is {chosen}",
            f"training.loss.name {', '.join(_LOSSES)}, without options but label_smoothing",
        )
    return partial(functional.cross_entropy, label_smoothing=smoothing) if smoothing else _LOSSES[name]


def plain_module(module: nn.Module) -> nn.Module:
    """Replace this package's own layers by PyTorch's, in place."""
    for name, child in module.named_children():
        if isinstance(child, AveragePool):
            setattr(module, name, nn.AvgPool2d(2))
        elif isinstance(child, MaxPool):
            setattr(module, name, nn.MaxPool2d(2))
        elif isinstance(child, BatchNorm):
            affine = child.weight is not None
            made = _AnyBatchNorm(len(child.running_mean), child.epsilon, child.momentum, affine)
            setattr(module, name, made)
        else:
            plain_module(child)
    return module


class _AnyBatchNorm(nn.modules.batchnorm._BatchNorm):
    """``nn.BatchNorm1d``, ``2d`` and ``3d``, which differ in what they refuse."""

    def _check_input_dim(self, input: Tensor) -> None: ...


def _next_token(outputs: Tensor, targets: Tensor) -> Tensor:
    """The mean over all places that ask for a token; of texts as long as each other the mean over texts, too."""
    return functional.cross_entropy(outputs.flatten(0, 1), targets.flatten(), ignore_index=-100)


_LOSSES: dict[str, PlainLoss] = {
    "cross_entropy": functional.cross_entropy,
    "next_token": _next_token,
    "binary_cross_entropy": functional.binary_cross_entropy_with_logits,
    "squared_error": functional.mse_loss,
}
