"""The rule of convolutions in groups, each of which sees its own channels; see :mod:`hydra_steps.tangents.chain`.

As for whole convolutions, those with ẇ are wide ones, of all directions at once: the channels of a group's directions
stand together, [b, g·q·c/g, …] for [b, q, c, …]. Index letters: b samples, q directions, g groups, o, i channels.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from hydra_steps.tangents.rule import Bars, Dots, Pushed

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)


def convolution_of(module: nn.Conv1d | nn.Conv2d | nn.Conv3d) -> Callable[..., Tensor]:
    """The function that a convolution calls."""
    functions: dict[int, Callable[..., Tensor]] = {
        3: functional.conv1d,
        4: functional.conv2d,
        5: functional.conv3d,
    }
    return functions[module.weight.ndim]


def convolve_in_groups(
    module: nn.Conv1d | nn.Conv2d | nn.Conv3d, x: Tensor, x_dot: Tensor | None, dots: Dots
) -> Pushed:
    """Push x [b, i, …] and ẋ [b, q, i, …] through a convolution with ``module.groups`` groups."""
    w, w_dot, groups = module.weight, dots["weight"], module.groups  # [o, i/g, …], [q, o, i/g, …]
    count = len(w_dot)
    wide = w_dot.unflatten(1, (groups, -1)).transpose(0, 1).flatten(0, 2)  # [g·q·o/g, i/g, …]
    across = w_dot.transpose(0, 1).flatten(1, 2)  # [o, q·i/g, …]

    def by_group(values: Tensor) -> Tensor:
        """[b, q, c, …] → [b, g·q·c/g, …]."""
        grouped: Tensor = values.unflatten(2, (groups, -1))
        return grouped.transpose(1, 2).flatten(1, 3)

    def by_direction(values: Tensor) -> Tensor:
        """[b, g·q·c/g, …] → [b, q, c, …]."""
        grouped: Tensor = values.unflatten(1, (groups, count, -1))
        return grouped.transpose(1, 2).flatten(2, 3)

    def convolve(images: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        settings = (module.stride, module.padding, module.dilation, groups)
        return convolution_of(module)(images, weight, bias, *settings)

    def backward(delta: Tensor, images: Tensor, weight: Tensor, of_images: bool) -> Tensor:
        settings = (None, module.stride, module.padding, module.dilation, False, [0] * (w.ndim - 2), groups)
        asked = [of_images, not of_images, False]
        both: tuple[Tensor, ...] = torch.ops.aten.convolution_backward(
            delta, images, weight, *settings, asked
        )
        return both[0 if of_images else 1]

    y_dot = by_direction(convolve(x, wide))
    if module.bias is not None:
        y_dot = y_dot + dots["bias"].view(*w_dot.shape[:2], *[1] * (w.ndim - 2))
    if x_dot is not None:
        y_dot = y_dot + convolve(x_dot.flatten(0, 1), w).unflatten(0, x_dot.shape[:2])

    def pull(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor]:
        assert x_dot is not None
        back = backward(delta_dot.flatten(0, 1), x_dot.flatten(0, 1), w, True).view(x_dot.shape)
        if delta is None:
            return None, back
        back = back + by_direction(backward(delta, by_group(x_dot), across, True))
        return backward(delta, x, w, True), back

    def bars(delta: Tensor | None, delta_dot: Tensor) -> Bars:
        bar = backward(by_group(delta_dot), x, wide, False)
        bar = bar.unflatten(0, (groups, count, -1)).transpose(0, 1).flatten(1, 2)
        if delta is not None and x_dot is not None:
            other = backward(delta, by_group(x_dot), across, False)  # [o, q·i/g, …]
            bar = bar + other.unflatten(1, (count, -1)).transpose(0, 1)
        over = [0, *range(3, delta_dot.ndim)]
        return {"weight": bar} if module.bias is None else {"weight": bar, "bias": delta_dot.sum(over)}

    return Pushed(convolve(x, w, module.bias), y_dot, pull, bars)
