"""The derivatives of convolutions, this way round and that, are PyTorch's."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from hydra_steps.tangents.convolution_backward import convolution_backward, pays

# Sides of the images and of the kernel, padding, stride, dilation, groups; whether the images are exchanged.
CASES = {
    "as LeNet-5 on small images": ((4, 4), (5, 5), (2, 2), (1, 1), (1, 1), 1, True),
    "one place": ((5, 3), (5, 4), (0, 1), (1, 1), (1, 1), 1, True),
    "along a line": ((9,), (17,), (8,), (1,), (1,), 1, True),
    "in space": ((3, 4, 2), (3, 4, 2), (1, 0, 1), (1, 1, 1), (1, 1, 1), 1, True),
    "larger images": ((9, 8), (5, 5), (2, 2), (1, 1), (1, 1), 1, False),
    "small kernels": ((3, 3), (3, 3), (1, 1), (1, 1), (1, 1), 1, False),
    "strides": ((5, 5), (5, 5), (2, 2), (2, 1), (1, 1), 1, False),
    "holes": ((7, 7), (4, 4), (3, 3), (1, 1), (2, 2), 1, False),
    "groups": ((4, 4), (5, 5), (2, 2), (1, 1), (1, 1), 2, False),
}


@pytest.mark.parametrize(
    "asked", [(True, True, True), (False, True, True), (True, False, False), (False, True, False)]
)
@pytest.mark.parametrize("case", CASES)
def test_as_pytorch_has_them(case: str, asked: tuple[bool, bool, bool]) -> None:
    sides, kernel, padding, stride, dilation, groups, _ = CASES[case]
    images, weight, bias, delta = drawn(case)
    settings = (stride, padding, dilation, False, [0] * len(sides), groups)
    convolve = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[len(sides)]
    given = [part.double().requires_grad_() for part in (images, weight, bias)]
    expected = torch.autograd.grad(convolve(*given, stride, padding, dilation, groups), given, delta.double())
    for dtype, close in ((torch.float32, 1e-5), (torch.float64, 1e-12)):
        parts = [part.to(dtype) for part in (delta, images, weight)]
        found = convolution_backward(*parts, *settings, asked)
        for one, other, wanted in zip(found, expected, asked, strict=True):
            if wanted:
                torch.testing.assert_close(one, other.to(dtype), rtol=close, atol=10 * close)
            else:
                assert one is None


@pytest.mark.parametrize("case", CASES)
def test_which_way_is_taken(case: str) -> None:
    _, _, padding, stride, dilation, groups, exchanged = CASES[case]
    images, weight, _, delta = drawn(case)
    assert pays(delta, images, weight, stride, dilation, groups) is exchanged
    # Slower there.
    assert not pays(delta.double(), images.double(), weight.double(), stride, dilation, groups)


def test_a_transposed_one_goes_as_pytorch_has_it() -> None:
    generator = torch.Generator().manual_seed(0)
    images, weight = (
        torch.randn(2, 6, 1, 1, generator=generator).double(),
        torch.randn(6, 4, 4, 4, generator=generator).double(),
    )
    given = [images.requires_grad_(), weight.requires_grad_()]
    made = F.conv_transpose2d(*given)
    delta = torch.randn(made.shape, generator=generator).double()
    settings = ((1, 1), (0, 0), (1, 1), True, (0, 0), 1)
    found = convolution_backward(delta, images, weight, *settings, (True, True, False))
    expected = torch.autograd.grad(made, given, delta)
    for one, other in zip(found[:2], expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def drawn(case: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Images, weight, bias and cotangents of the outputs."""
    sides, kernel, padding, stride, dilation, groups, _ = CASES[case]
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(7, 6, *sides, generator=generator)
    weight = torch.randn(8, 6 // groups, *kernel, generator=generator)
    bias = torch.randn(8, generator=generator)
    convolve = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}[len(sides)]
    made = convolve(images, weight, bias, stride, padding, dilation, groups)
    return images, weight, bias, torch.randn(made.shape, generator=generator)
