"""Images with their channels last in memory, for models whose convolutions are faster that way.

On a processor oneDNN computes convolutions in blocks of sixteen channels, and puts PyTorch's usual layout, pixel beside
pixel, into that form and back at each call. Where all channels come in sixteens, channels beside channels need less of
it: an exact query twice backward takes .93 of the processor's time on a residual network of width 32, .97 on ResNet-18
(medians of five to eight turns, ``examples/own_model/benchmark_watched.yaml`` times the first). Where they do not, it
takes more (LeNet-5 1.06, DenseNet-40 1.2), so the usual layout stays. PyTorch maps several directions in the
usual layout alone; one after another with their channels last, eight take .94 and .96 of what they take mapped. Sizes
decide, not a clock: another layout is other round-off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from hydra_steps.process.agreement import alike
from hydra_steps.process.linearised import Linearised, Point
from hydra_steps.process.process import Process
from hydra_steps.refusals import of_memory


def in_best_layout(
    process: Process, point: Point, together: int, linearised: Callable[[Point, int], Linearised]
) -> Linearised:
    """``linearised`` of the point, at most ``together`` directions in a pass; where that serves the model, with the
    images' channels last, and then one direction after another.

    The first step of training is linearised both ways. A module that looks at how numbers lie in memory (``view``,
    ``as_strided``) keeps the usual layout, and so does evaluation.
    """
    model, inputs = process.model, point.batch.inputs
    of_images = isinstance(inputs, Tensor) and inputs.ndim == 4 and inputs.device.type == "cpu"
    if model.channels_last is False or not (of_images and point.training):
        return linearised(point, together)
    # Of one colour, both layouts are the same numbers in the same places: it is the strides that layers look at.
    images = torch.empty_like(inputs, memory_format=torch.channels_last).copy_(inputs)
    laid_out = point._replace(batch=replace(point.batch, inputs=images))
    usual = linearised(point, together) if model.channels_last is None else None
    shortens = model.shortens
    try:
        found = linearised(laid_out, 1)
    except Exception as error:  # whatever a module says of numbers that lie otherwise
        if of_memory(error):
            raise
        model.channels_last, model.shortens = False, shortens
        return linearised(point, together) if usual is None else usual
    if usual is None:
        return found
    model.channels_last = all(
        mine is None or expected is None or alike(mine, expected)
        for mine, expected in zip(found, usual, strict=True)
    )
    return usual
