"""The derivatives of a convolution by its images and its weight, each by the cheaper of two ways.

    ∂/∂w[o, c, i] = Σ_b Σ_y δ[b, o, y] x[b, c, y + i]

is a convolution, too: of the images with the cotangents, where the samples are the channels that are summed over. In
float32 on a processor, PyTorch's own kernel for it is slow where an image is hardly larger than the kernel: the second
convolution of LeNet-5 on images of 8 × 8 takes .4 of that time this way round. Index letters: b samples, c
channels, o outputs, i places of the kernel, y of the output.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

LARGE_KERNEL, CHANNELS = (
    16,
    4,
)  # places of the kernel and channels of the images below which nothing is gained


def convolution_backward(
    delta: Tensor,
    images: Tensor,
    weight: Tensor,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
    asked: Sequence[bool],
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """The derivatives by images [b, c, …], weight [o, c, …] and bias [o], where they are ``asked`` for, of cotangents
    ``delta`` [b, o, …]; as ``torch.ops.aten.convolution_backward`` gives them, up to round-off.
    """
    to_images, to_weight, to_bias = asked
    exchanged = to_weight and not transposed and pays(delta, images, weight, stride, dilation, groups)
    usual = [to_images, to_weight and not exchanged, False]
    of_images = of_weight = None
    if any(usual):
        of_images, of_weight, _ = torch.ops.aten.convolution_backward(
            delta, images, weight, None, stride, padding, dilation, transposed, output_padding, groups, usual
        )
    if exchanged:
        of_weight = torch.ops.aten.convolution(
            images.transpose(0, 1),
            delta.transpose(0, 1),
            None,
            stride,
            padding,
            dilation,
            False,
            [0] * len(stride),
            1,
        ).transpose(0, 1)
    return of_images, of_weight, delta.sum([0, *range(2, delta.ndim)]) if to_bias else None


def pays(
    delta: Tensor, images: Tensor, weight: Tensor, stride: Sequence[int], dilation: Sequence[int], groups: int
) -> bool:
    """Whether the weight's derivative is cheaper as a convolution of images and cotangents ``delta``."""
    places = math.prod(weight.shape[2:])
    return (
        delta.device.type == "cpu"
        and delta.dtype == torch.float32
        and groups == 1
        and all(size == 1 for size in (*stride, *dilation))
        and math.prod(delta.shape[2:]) <= places
        and places >= LARGE_KERNEL
        and images.shape[1] >= CHANNELS
    )
