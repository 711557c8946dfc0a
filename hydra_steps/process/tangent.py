"""Pushing one tangent of the parameters through a model's layers: (x, ẋ) → (y, ẏ), layer by layer.

PyTorch's forward mode does the same for any model. For the layers below, the rules spare what it spends on
them: a convolution of the images' tangent, which is zero, and one pass over the images for w and another for
ẇ. The tests hold the rules against forward mode, and models with other layers use that instead.

    linear, convolution   y = w ∗ x + b        ẏ = w ∗ ẋ + ẇ ∗ x + ḃ
    tanh, ReLU            y = σ(x)             ẏ = σ'(x) ẋ
    pooling, dropout      linear in x on the path that x takes
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from hydra_steps.models.layers import AveragePool, KeyedDropout

Dots = Mapping[str, Tensor]  # the tangents of a layer's parameters, by attribute
Rule = Callable[[nn.Module, Tensor, Tensor | None, Dots, bool], tuple[Tensor, Tensor | None]]


def supports(module: nn.Module) -> bool:
    """Whether all layers of ``module`` have a rule here."""
    if isinstance(module, nn.Sequential):
        return all(supports(child) for child in module)
    if isinstance(module, nn.Conv2d) and (module.groups != 1 or module.padding_mode != "zeros"):
        return False
    return type(module) in RULES


def push(
    module: nn.Module, x: Tensor, x_dot: Tensor | None, dots: Mapping[nn.Module, Dots], graph: bool
) -> tuple[Tensor, Tensor | None]:
    """(y, ẏ) of ``module`` at x [b, …] with tangent ẋ (None for zero) and the parameters' tangents ``dots``.

    With ``graph`` both keep their graph to the parameters, else only y does.
    """
    if isinstance(module, nn.Sequential):
        for child in module:
            x, x_dot = push(child, x, x_dot, dots, graph)
        return x, x_dot
    return RULES[type(module)](module, x, x_dot, dots.get(module, {}), graph)


def _linear(
    module: nn.Module, x: Tensor, x_dot: Tensor | None, dots: Dots, graph: bool
) -> tuple[Tensor, Tensor | None]:
    assert isinstance(module, nn.Linear)
    y = functional.linear(x, module.weight, module.bias)
    with torch.set_grad_enabled(graph):
        y_dot = functional.linear(x, dots["weight"], dots.get("bias"))
        if x_dot is not None:
            y_dot = y_dot + functional.linear(x_dot, module.weight)
    return y, y_dot


def _convolution(
    module: nn.Module, x: Tensor, x_dot: Tensor | None, dots: Dots, graph: bool
) -> tuple[Tensor, Tensor | None]:
    assert isinstance(module, nn.Conv2d)
    w, b, w_dot, b_dot = module.weight, module.bias, dots["weight"], dots.get("bias")

    def convolve(images: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return functional.conv2d(images, weight, bias, module.stride, module.padding, module.dilation)

    if x_dot is None and (graph or not torch.is_grad_enabled()):
        # One pass over the images for w and ẇ: few output channels leave most of the vector lanes empty.
        biases = None if b is None or b_dot is None else torch.cat([b, b_dot])
        y, y_dot = convolve(x, torch.cat([w, w_dot]), biases).split(len(w), 1)
        return y, y_dot
    y = convolve(x, w, b)
    with torch.set_grad_enabled(graph):
        y_dot = convolve(x, w_dot, b_dot)
        if x_dot is not None:
            y_dot = y_dot + convolve(x_dot, w, None)
    return y, y_dot


def _tanh(
    module: nn.Module, x: Tensor, x_dot: Tensor | None, dots: Dots, graph: bool
) -> tuple[Tensor, Tensor | None]:
    y = torch.tanh(x)
    if x_dot is None:
        return y, None
    with torch.set_grad_enabled(graph):
        return y, torch.ops.aten.tanh_backward(x_dot, y)  # ẋ (1 − y²), in one kernel


def _relu(
    module: nn.Module, x: Tensor, x_dot: Tensor | None, dots: Dots, graph: bool
) -> tuple[Tensor, Tensor | None]:
    y = torch.relu(x)
    if x_dot is None:
        return y, None
    with torch.set_grad_enabled(graph):
        return y, torch.ops.aten.threshold_backward(x_dot, y, 0)


def _max_pool(
    module: nn.Module, x: Tensor, x_dot: Tensor | None, dots: Dots, graph: bool
) -> tuple[Tensor, Tensor | None]:
    assert isinstance(module, nn.MaxPool2d)
    differentiated = graph or (torch.is_grad_enabled() and x.requires_grad)
    if x_dot is not None and not differentiated and _halves(module):
        return _halve(x, x_dot)
    y, index = functional.max_pool2d(
        x, module.kernel_size, module.stride, module.padding, module.dilation, return_indices=True
    )
    if x_dot is None:
        return y, None
    with torch.set_grad_enabled(graph):
        return y, x_dot.flatten(-2).gather(-1, index.flatten(-2)).view(y.shape)


def _halves(module: nn.MaxPool2d) -> bool:
    """Whether the module takes the maximum over 2×2 windows side by side."""
    asked = (module.kernel_size, module.stride, module.padding, module.dilation)
    pairs = [value if isinstance(value, tuple) else (value, value) for value in asked]
    return pairs == [(2, 2), (2, 2), (0, 0), (1, 1)] and not module.ceil_mode


def _halve(x: Tensor, x_dot: Tensor) -> tuple[Tensor, Tensor]:
    """2×2 maxima and the tangents at them, by strided comparisons, which processors vectorise: about twice as fast
    as ``max_pool2d`` with its indices, and the same bits.

    Columns before rows, and the first unless the second is larger: of equal values ``max_pool2d`` takes the first
    in reading order too. ``lerp`` with weights 0 and 1 returns its ends unrounded.
    """
    height, width = x.shape[-2] // 2 * 2, x.shape[-1] // 2 * 2
    for pick in (lambda z, i: z[..., :height, i:width:2], lambda z, i: z[..., i::2, :]):
        first, second = pick(x, 0), pick(x, 1)
        x_dot = torch.lerp(pick(x_dot, 0), pick(x_dot, 1), (second - first).gt_(0))
        x = torch.maximum(first, second)
    return x, x_dot


def _same(
    module: nn.Module, x: Tensor, x_dot: Tensor | None, dots: Dots, graph: bool
) -> tuple[Tensor, Tensor | None]:
    """A layer that is linear in x, whatever it draws being a function of keys."""
    y = module(x)
    if x_dot is None:
        return y, None
    with torch.set_grad_enabled(graph):
        return y, module(x_dot)


RULES: dict[type[nn.Module], Rule] = {
    nn.Linear: _linear,
    nn.Conv2d: _convolution,
    nn.Tanh: _tanh,
    nn.ReLU: _relu,
    nn.MaxPool2d: _max_pool,
    AveragePool: _same,
    nn.Flatten: _same,
    KeyedDropout: _same,
}
