"""Convolutions of several trainings: the bits and the gradients of each by itself, whatever they share."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from hydra_steps.process.convolutions import OneByOne

TRAININGS = 3


def convolved(images: Tensor, kernel: Tensor, bias: Tensor | None, how: dict) -> Tensor:
    # As torch.nn.Conv2d calls it.
    return F.conv2d(images, kernel, bias, how["stride"], how["padding"], how["dilation"], how["groups"])


@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("mapped", ["kernel", "images and kernel", "images"])
def test_each_as_by_itself(mapped: str, groups: int, biased: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    how = {"stride": (2, 1), "padding": (1, 2), "dilation": (1, 2), "groups": groups}
    images = torch.randn(TRAININGS, 5, 4, 9, 8, generator=generator)
    kernel = torch.randn(TRAININGS, 6, 4 // groups, 3, 2, generator=generator)
    bias = torch.randn(TRAININGS, 6, generator=generator) if biased else None
    of_images, of_kernel = 0 if "images" in mapped else None, 0 if "kernel" in mapped else None
    images, kernel = (
        (part if at == 0 else part[0]).requires_grad_()
        for part, at in ((images, of_images), (kernel, of_kernel))
    )
    if bias is not None:
        bias = (bias if of_kernel == 0 else bias[0]).requires_grad_()

    with OneByOne():
        together = torch.vmap(
            lambda x, w, b: convolved(x, w, b, how),
            in_dims=(of_images, of_kernel, None if bias is None else of_kernel),
        )(images, kernel, bias)
    alone = torch.stack(
        [
            convolved(
                images if of_images is None else images[k],
                kernel if of_kernel is None else kernel[k],
                bias if bias is None or of_kernel is None else bias[k],
                how,
            )
            for k in range(TRAININGS)
        ]
    )
    assert torch.equal(together, alone)
    cotangent = torch.randn(alone.shape, generator=generator)
    inputs = [kernel, *([] if bias is None else [bias]), *([images] if of_images == 0 else [])]
    found, expected = (torch.autograd.grad(made, inputs, cotangent) for made in (together, alone))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_what_no_training_changes_is_done_once() -> None:
    how = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
    images, kernel = torch.randn(5, 1, 6, 6), torch.randn(2, 1, 3, 3)
    scale = torch.arange(3.0)
    with OneByOne():
        found = torch.vmap(lambda s: s * convolved(images, kernel, None, how))(scale)
    alone = convolved(images, kernel, None, how)
    torch.testing.assert_close(found, scale[:, None, None, None, None] * alone)
