"""The rule of convolutions, and of transposed ones; see :mod:`hydra_steps.tangents.chain`.

Those with ẇ are wide ones, of all directions at once: from x to each direction's outputs, and across, from all
directions' x. A convolution's weight [o, i/g, …] has the outputs first, a transposed one's [i, o/g, …] the inputs: what
is wide of the one is across of the other. In groups, each of which sees its own channels, the channels of a group's
directions stand together, [b, g·q·c/g, …] for [b, q, c, …]. Index letters: b samples, q directions, g groups, o, i, c
channels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hydra_steps.tangents.convolution_backward import convolution_backward
from hydra_steps.tangents.rule import Bars, Dots, Pushed

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def convolution(module: nn.Module, x: Tensor, x_dot: Tensor | None, dots: Dots) -> Pushed:
    """In one, two or three dimensions, of x [b, i, …] and ẋ [b, q, i, …]."""
    assert isinstance(module, CONVOLUTIONS)
    assert not isinstance(module.padding, str)
    w, w_dot, groups = module.weight, dots["weight"], module.groups
    count, bias = len(w_dot), dots.get("bias")
    wide, across = _first(w_dot, groups), _second(w_dot)
    if module.transposed:
        wide, across = across, wide
    settings = (module.stride, module.padding, module.dilation, module.transposed, module.output_padding)

    def by_group(values: Tensor) -> Tensor:
        """[b, q, c, …] → [b, g·q·c/g, …]."""
        grouped: Tensor = values.unflatten(2, (groups, -1))
        return grouped.transpose(1, 2).flatten(1, 3)

    def by_direction(values: Tensor) -> Tensor:
        """[b, g·q·c/g, …] → [b, q, c, …]."""
        grouped: Tensor = values.unflatten(1, (groups, count, -1))
        return grouped.transpose(1, 2).flatten(2, 3)

    def convolve(images: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        made: Tensor = torch.ops.aten.convolution(images, weight, bias, *settings, groups)
        return made

    def backward(delta: Tensor, images: Tensor, weight: Tensor, of_images: bool) -> Tensor:
        asked = [of_images, not of_images, False]
        made = convolution_backward(delta, images, weight, *settings, groups, asked)[0 if of_images else 1]
        assert made is not None
        return made

    if groups == 1:  # one pass over the images for w and ẇ
        biases = None if bias is None or module.bias is None else torch.cat([module.bias, bias.flatten()])
        made = convolve(x, torch.cat([w, wide], int(module.transposed)), biases)
        y, y_dot = made.split([module.out_channels, count * module.out_channels], 1)
        y_dot = y_dot.unflatten(1, (count, -1))
    else:
        y, y_dot = convolve(x, w, module.bias), by_direction(convolve(x, wide))
        if bias is not None:
            y_dot = y_dot + bias.view(*bias.shape, *[1] * (w.ndim - 2))
    if x_dot is not None:
        y_dot = convolve(x_dot.flatten(0, 1), w).unflatten(0, x_dot.shape[:2]).add_(y_dot)

    def pull(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor]:
        assert x_dot is not None
        back = backward(delta_dot.flatten(0, 1), x_dot.flatten(0, 1), w, True).view(x_dot.shape)
        if delta is None:
            return None, back
        back += by_direction(backward(delta, by_group(x_dot), across, True))
        return backward(delta, x, w, True), back

    def bars(delta: Tensor | None, delta_dot: Tensor) -> Bars:
        of_wide, of_across = backward(by_group(delta_dot), x, wide, False), None
        if delta is not None and x_dot is not None:
            of_across = backward(delta, by_group(x_dot), across, False)
        first, second = (of_across, of_wide) if module.transposed else (of_wide, of_across)
        bar = _weights(first, second, groups, count)
        over = [0, *range(3, delta_dot.ndim)]
        return {"weight": bar} if bias is None else {"weight": bar, "bias": delta_dot.sum(over)}

    return Pushed(y, y_dot, pull, bars)


def _first(weights: Tensor, groups: int) -> Tensor:
    """[q, c, …] → [g·q·c/g, …]: the first channels of all directions."""
    grouped: Tensor = weights.unflatten(1, (groups, -1))
    return grouped.transpose(0, 1).flatten(0, 2)


def _second(weights: Tensor) -> Tensor:
    """[q, c, e, …] → [c, q·e, …]: the second."""
    return weights.transpose(0, 1).flatten(1, 2)


def _weights(first: Tensor | None, second: Tensor | None, groups: int, count: int) -> Tensor:
    """The sum [q, c, e, …] of what is laid out in either way."""
    parts: list[Tensor] = []
    if first is not None:
        grouped: Tensor = first.unflatten(0, (groups, count, -1))
        parts.append(grouped.transpose(0, 1).flatten(1, 2))
    if second is not None:
        wide: Tensor = second.unflatten(1, (count, -1))
        parts.append(wide.transpose(0, 1))
    return parts[0] if len(parts) == 1 else parts[0] + parts[1]
