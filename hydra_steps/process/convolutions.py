"""Convolutions of several trainings at once on a processor: each by itself, amid what the trainings do together.

``torch.vmap`` would make of k convolutions one in k groups. That is slower, 1.4 times for LeNet-5 on images of 28 × 28,
and a group's numbers differ by round-off with how many groups there are, while a training's outcome must not depend on
its company. So a convolution stays what it is for one training, and all around it shares its calls. Index letters: k
trainings, b batch, c channels, o outputs, h w of the images, i j of the kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from hydra_steps.tangents.convolution_backward import convolution_backward


def can_be_shared(layer: nn.Conv2d) -> bool:
    """Whether :class:`OneByOne` serves the convolution: padding by numbers, and zeros."""
    return not isinstance(layer.padding, str) and layer.padding_mode == "zeros"


class OneByOne(TorchFunctionMode):
    """Inside it, ``torch.vmap`` over kernels does two-dimensional convolutions one by one."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """As :class:`torch.overrides.TorchFunctionMode` asks."""
        if func is F.conv2d and len(args) == 7:  # as torch.nn.Conv2d calls it
            return _Mapped.apply(*args)
        return func(*args, **(kwargs or {}))


class _Mapped(torch.autograd.Function):
    """``conv2d`` with a rule of its own for ``torch.vmap``."""

    apply: ClassVar[Callable[..., Any]]  # torch does not annotate it

    @staticmethod
    def forward(*given: Any) -> Tensor:
        """Of what all trainings share, and none trains."""
        return F.conv2d(*given)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Nothing is kept here."""

    @staticmethod
    def vmap(
        info: Any, dims: tuple[Any, ...], x: Tensor, kernel: Tensor, bias: Tensor | None, *how: Any
    ) -> Any:
        """Images shared or of each training, kernels [o, c, i, j] and biases [o] of each to outputs [k, b, o, …]."""
        images = x if dims[0] is None else x.movedim(dims[0], 0)
        kernels, biases = (
            part
            if part is None
            else part.expand(info.batch_size, *part.shape)
            if at is None
            else part.movedim(at, 0)
            for at, part in zip(dims[1:3], (kernel, bias), strict=True)
        )
        return _Several.apply(images, dims[0] is None, kernels, biases, *how), 0


class _Several(torch.autograd.Function):
    """k convolutions: images [k, b, c, h, w], or ``shared`` [b, c, h, w]; kernels [k, o, c, i, j], biases [k, o]."""

    apply: ClassVar[Callable[..., Any]]

    @staticmethod
    def forward(
        ctx: Any, images: Tensor, shared: bool, kernels: Tensor, biases: Tensor | None, *how: Any
    ) -> Tensor:
        """Outputs [k, b, o, …]."""
        ctx.save_for_backward(images, kernels)
        ctx.shared, ctx.biased, ctx.how = shared, biases is not None, how
        added = [None] * len(kernels) if biases is None else biases.unbind()
        made = zip(_each(images, shared, len(kernels)), kernels.unbind(), added, strict=True)
        return torch.stack([F.conv2d(x, kernel, bias, *how) for x, kernel, bias in made])

    @staticmethod
    def backward(ctx: Any, bar: Tensor) -> Any:
        """The cotangents of images, kernels and biases."""
        images, kernels = ctx.saved_tensors
        stride, padding, dilation, groups = ctx.how
        asked = [ctx.needs_input_grad[0], ctx.needs_input_grad[2], ctx.biased]
        parts = [
            convolution_backward(one, x, kernel, stride, padding, dilation, False, [0, 0], groups, asked)
            for one, x, kernel in zip(
                bar.contiguous(), _each(images, ctx.shared, len(kernels)), kernels.unbind(), strict=True
            )
        ]
        back, of_kernels, of_biases = (
            torch.stack(column) if wanted else None
            for column, wanted in zip(zip(*parts, strict=True), asked, strict=True)
        )
        return back, None, of_kernels, of_biases, *(None for _ in ctx.how)


def _each(images: Tensor, shared: bool, count: int) -> Sequence[Tensor]:
    return [images] * count if shared else images.unbind()
