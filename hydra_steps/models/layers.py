"""Two layers that a differentiated training process needs in its own form (for pooling, see
:mod:`hydra_steps.models.pooling`).

``BatchNorm`` exposes its new running statistics as differentiable values (``F.batch_norm`` updates them in
place and outside the graph), and ``KeyedDropout`` draws its mask from keys, so that a counterfactual run sees
the same noise. Both are ordinary modules: in a plain ``torch.optim`` loop they behave like their PyTorch
counterparts.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hydra_steps.errors import StudyError
from hydra_steps.models.keyed import keyed_uniform


class BatchNorm(nn.Module):
    """Batch normalisation over all axes but the second, with ``nn.BatchNorm2d``'s defaults and semantics.

    In training: batch mean and biased variance normalise; ``running ← (1 − momentum)·running +
    momentum·batch`` with the unbiased variance. In evaluation the running averages normalise. With
    ``differentiable_statistics`` the new running averages keep their graph to the parameters (set by the
    process, never by users). Raises :class:`StudyError` where PyTorch refuses, too: one number has no variance.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, features: int, momentum: float = 0.1, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))
        self.register_buffer("running_mean", torch.zeros(features))
        self.register_buffer("running_var", torch.ones(features))
        self.momentum, self.epsilon = momentum, epsilon
        self.differentiable_statistics = False

    def forward(self, x: Tensor) -> Tensor:  # [b, c, ...]
        shape = (1, -1) + (1,) * (x.ndim - 2)
        if not self.training:
            mean, variance = self.running_mean, self.running_var
        else:
            axes = [0, *range(2, x.ndim)]
            count = x.numel() // x.shape[1]
            if count < 2:
                raise StudyError(
                    "batch norm met a training batch with one number per feature",
                    "at least two, whose mean and variance it can take",
                    "train on batches of two samples or more, or without batch norm",
                )
            mean = x.mean(axes)
            variance = (x - mean.view(shape)).square().mean(axes)
            new_mean = (1 - self.momentum) * self.running_mean + self.momentum * mean
            unbiased = variance * (count / (count - 1))
            new_variance = (1 - self.momentum) * self.running_var + self.momentum * unbiased
            keep_graph = self.differentiable_statistics
            self.running_mean = new_mean if keep_graph else new_mean.detach()
            self.running_var = new_variance if keep_graph else new_variance.detach()
        scale = self.weight * torch.rsqrt(variance + self.epsilon)
        return (x - mean.view(shape)) * scale.view(shape) + self.bias.view(shape)


class KeyedDropout(nn.Module):
    """Inverted dropout whose mask is a function of each sample's key and the layer's ``stream`` number.

    ``keys`` [b] int64 is set before each forward pass in training mode; evaluation is the identity.
    """

    def __init__(self, rate: float, stream: int) -> None:
        super().__init__()
        self.rate, self.stream = rate, stream
        self.keys: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x
        if self.keys is None:
            raise RuntimeError("KeyedDropout needs its keys [b] before a forward pass in training mode")
        uniform = keyed_uniform(self.keys, self.stream, x[0].numel()).view(x.shape)
        return x * ((uniform >= self.rate).to(x.dtype) / (1 - self.rate))
