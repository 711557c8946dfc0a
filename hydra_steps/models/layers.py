"""Batch norm in the form that a differentiated training process needs: its new running statistics are differentiable
values where they are asked for; ``F.batch_norm``, which updates them in place and outside the graph, serves where not.

It is an ordinary module: in a plain ``torch.optim`` loop it behaves like its PyTorch counterpart. For dropout see
:mod:`hydra_steps.models.dropout`, for pooling :mod:`hydra_steps.models.pooling`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import handle_torch_function, has_torch_function_unary

from hydra_steps.errors import StudyError


class BatchNorm(nn.Module):
    """Batch normalisation over all axes but the second, with ``nn.BatchNorm2d``'s defaults and semantics.

    In training: batch mean and biased variance normalise; ``running ← (1 − momentum)·running +
    momentum·batch`` with the unbiased variance. In evaluation the running averages normalise. With
    ``differentiable_statistics`` the new running averages keep their graph to the parameters, and ``weights`` [b]
    make the statistics those of weighted samples (both set by the process, never by users). Without ``affine`` it only
    normalises. Raises :class:`StudyError` where PyTorch refuses, too: one number has no variance.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(
        self, features: int, momentum: float = 0.1, epsilon: float = 1e-5, affine: bool = True
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features)) if affine else None
        self.bias = nn.Parameter(torch.zeros(features)) if affine else None
        self.register_buffer("running_mean", torch.zeros(features))
        self.register_buffer("running_var", torch.ones(features))
        self.momentum, self.epsilon = momentum, epsilon
        self.differentiable_statistics = False
        self.weights: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:  # [b, c, ...]
        if self.training and self.weights is None and not self._is_differentiated():
            _numbers(x)
            averages = self.running_mean, self.running_var
            return functional.batch_norm(
                x, *averages, self.weight, self.bias, True, self.momentum, self.epsilon
            )
        if self.training and self.weights is None:
            y, mean, variance = normalise(x, self.weight, self.bias, self.epsilon)
            self._follow_batch(mean, variance, _numbers(x))
            return y
        if self.training and self.weights is not None:
            mean, variance = self._weighted_statistics(x, self.weights)
        else:
            mean, variance = self.running_mean, self.running_var
        return _scaled(x, mean, variance, self.weight, self.bias, self.epsilon)

    def _is_differentiated(self) -> bool:
        """Whether the running averages are more than numbers to be changed in place."""
        return self.differentiable_statistics or torch._C._are_functorch_transforms_active()

    def _follow_batch(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Let the running averages follow a batch of so many numbers in each feature."""
        self._follow(
            (1 - self.momentum) * self.running_mean + self.momentum * mean,
            (1 - self.momentum) * self.running_var + self.momentum * (variance * (count / (count - 1))),
        )

    def _weighted_statistics(self, x: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Mean Σ p_n x_n and biased variance Σ p_n (x_n − mean)² [c], p = w / Σ w; the running averages follow.

        Equal weights give the statistics of :func:`normalise`, and weights 0 and 1 those of the samples with weight
        1, up to round-off. The running variance takes the variance divided by 1 − Σ p² / places, unbiased for both. A
        batch in which one number is left has no variance to take; one in which none is left is normalised with the
        running averages, and its loss is 0.
        """
        _numbers(x)
        total = weights.sum()
        left = total > 0
        p = weights / total.where(left, 1)
        places = x.flatten(2) if x.ndim > 2 else x[..., None]  # [b, c, places]
        mean = p @ places.mean(2)
        variance = p @ (places - mean[:, None]).square().mean(2)
        unbias = 1 - p.square().sum() / places.shape[2]
        several = left & (unbias > 1e-6)
        unbiased = variance / unbias.where(several, 1)
        self._follow(
            torch.where(
                left, (1 - self.momentum) * self.running_mean + self.momentum * mean, self.running_mean
            ),
            torch.where(
                several, (1 - self.momentum) * self.running_var + self.momentum * unbiased, self.running_var
            ),
        )
        return mean.where(left, self.running_mean), variance.where(left, self.running_var)

    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        """Take new running averages."""
        keep_graph = self.differentiable_statistics
        self.running_mean = mean if keep_graph else mean.detach()
        self.running_var = variance if keep_graph else variance.detach()


def normalise(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    """The numbers [b, c, …] normalised, and mean and biased variance [c] of the batch; a mode of PyTorch's may have
    another way to them (:class:`torch.overrides.TorchFunctionMode`)."""
    if has_torch_function_unary(x):
        made: tuple[Tensor, Tensor, Tensor] = handle_torch_function(normalise, (x,), x, weight, bias, epsilon)
        return made
    _numbers(x)
    axes = [0, *range(2, x.ndim)]
    mean = x.mean(axes)
    variance = (x - mean.view(1, -1, *[1] * (x.ndim - 2))).square().mean(axes)
    return _scaled(x, mean, variance, weight, bias, epsilon), mean, variance


def _scaled(
    x: Tensor, mean: Tensor, variance: Tensor, weight: Tensor | None, bias: Tensor | None, epsilon: float
) -> Tensor:
    """(x − mean) / √(variance + epsilon), times the weight, plus the bias."""
    shape = (1, -1) + (1,) * (x.ndim - 2)
    scale = torch.rsqrt(variance + epsilon)
    if weight is None or bias is None:
        return (x - mean.view(shape)) * scale.view(shape)
    return (x - mean.view(shape)) * (weight * scale).view(shape) + bias.view(shape)


def _numbers(x: Tensor) -> int:
    """How many numbers a feature has in the batch x [b, c, …]; raises :class:`StudyError` for one."""
    count = x.numel() // x.shape[1]
    if count < 2:
        raise StudyError(
            "batch norm met a training batch with one number per feature",
            "at least two, whose mean and variance it can take",
            "train on batches of two samples or more, or without batch norm",
        )
    return count
