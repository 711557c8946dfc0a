"""Images with their channels last in memory, for models whose convolutions are faster that way.

On a processor oneDNN computes convolutions in blocks of sixteen channels, and puts PyTorch's usual layout, pixel beside
pixel, into that form and back at each call. Where all channels come in sixteens, channels beside channels need less of
it: an exact query twice backward takes .93 of the time on a residual network of width 32, .97 on ResNet-18. Where they
do not, it takes more (LeNet-5 1.06, DenseNet-40 1.2), so the usual layout stays. Sizes decide, not a clock: another
layout is other round-off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from hydra_steps.process.agreement import agree
from hydra_steps.process.linearised import Linearised, Point
from hydra_steps.process.process import Process


def in_best_layout(process: Process, point: Point, linearised: Callable[[Point], Linearised]) -> Linearised:
    """``linearised`` of the point, with the images' channels last where that serves the model.

    The first step of training is linearised both ways. A module that looks at how numbers lie in memory (``view``,
    ``as_strided``) keeps the usual layout, and so does evaluation.
    """
    model, inputs = process.model, point.batch.inputs
    of_images = isinstance(inputs, Tensor) and inputs.ndim == 4 and inputs.device.type == "cpu"
    if model.channels_last is False or not (of_images and point.training):
        return linearised(point)
    # Of one colour, both layouts are the same numbers in the same places: it is the strides that layers look at.
    images = torch.empty_like(inputs, memory_format=torch.channels_last).copy_(inputs)
    laid_out = point._replace(batch=replace(point.batch, inputs=images))
    usual = linearised(point) if model.channels_last is None else None
    known = model.shortens, model.maps
    try:
        found = linearised(laid_out)
    except torch.OutOfMemoryError:
        raise
    except RuntimeError:
        model.channels_last = False
        model.shortens, model.maps = known
        return linearised(point) if usual is None else usual
    if usual is None:
        return found
    model.channels_last = all(
        mine is None or expected is None or agree(mine, expected)
        for mine, expected in zip(found, usual, strict=True)
    )
    return usual
