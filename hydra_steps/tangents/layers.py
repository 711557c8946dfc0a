"""The rules of linear layers and embeddings, of activations and of dropout; see :mod:`hydra_steps.tangents.chain`."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.linear import NonDynamicallyQuantizableLinear

from hydra_steps.models.dropout import KeyedAlphaDropout, KeyedChannelDropout, KeyedDropout
from hydra_steps.tangents.convolutions import CONVOLUTIONS, convolution
from hydra_steps.tangents.kinks import bend_of_relu
from hydra_steps.tangents.rule import Bars, Dots, Pushed, Rule


def _linear(module: nn.Module, x: Tensor, x_dot: Tensor | None, dots: Dots) -> Pushed:
    assert isinstance(module, nn.Linear)
    if x.ndim > 2:
        return at_places(module.weight, module.bias, x, x_dot, dots)
    return of_rows(module.weight, module.bias, x, x_dot, dots)


def of_rows(w: Tensor, b: Tensor | None, x: Tensor, x_dot: Tensor | None, dots: Dots) -> Pushed:
    """A linear layer of x [b, i], with weight ``w`` [o, i] and bias ``b`` [o]."""
    w_dot = dots["weight"]  # [q, o, i]
    across = w_dot.transpose(0, 1).flatten(1)  # [o, q·i]
    y = functional.linear(x, w, b)
    y_dot = functional.linear(x, w_dot.flatten(0, 1)).unflatten(1, w_dot.shape[:2])  # [b, q, o]
    if b is not None:
        y_dot += dots["bias"]
    if x_dot is not None:
        y_dot += functional.linear(x_dot, w)

    def pull(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor]:
        back = delta_dot @ w
        if delta is None:
            return None, back
        return delta @ w, back + (delta @ across).view(back.shape)

    def bars(delta: Tensor | None, delta_dot: Tensor) -> Bars:
        bar = (delta_dot.flatten(1).T @ x).view(w_dot.shape)
        if delta is not None and x_dot is not None:
            bar += (delta.T @ x_dot.flatten(1)).view(len(w), *x_dot.shape[1:]).transpose(0, 1)
        return {"weight": bar} if b is None else {"weight": bar, "bias": delta_dot.sum(0)}

    return Pushed(y, y_dot, pull, bars)


def at_places(w: Tensor, b: Tensor | None, x: Tensor, x_dot: Tensor | None, dots: Dots) -> Pushed:
    """A linear layer at each place of x [b, …, i], with weight ``w`` [o, i] and bias ``b`` [o]."""
    w_dot, places = dots["weight"], x.shape[1:-1]  # [q, o, i]
    count, outputs, inputs = w_dot.shape
    across = w_dot.transpose(0, 1).flatten(1)  # [o, q·i]
    flat = x.reshape(-1, inputs)  # [b·…, i]

    def directions_first(values: Tensor, width: int) -> Tensor:
        """[b·…, q·width] → [b, q, …, width]."""
        return values.view(len(x), -1, count, width).transpose(1, 2).reshape(len(x), count, *places, width)

    def directions_last(values: Tensor) -> Tensor:
        """[b, q, …, width] → [b·…, q·width]."""
        return values.flatten(2, -2).transpose(1, 2).reshape(len(flat), -1)

    y_dot = directions_first(flat @ w_dot.flatten(0, 1).T, outputs)
    if x_dot is not None:
        y_dot = functional.linear(x_dot, w).add_(y_dot)
    if b is not None:
        y_dot = y_dot.add_(dots["bias"].view(count, *[1] * len(places), outputs))

    def pull(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor]:
        back = delta_dot @ w
        if delta is None:
            return None, back
        return delta @ w, back.add_(directions_first(delta.reshape(-1, outputs) @ across, inputs))

    def bars(delta: Tensor | None, delta_dot: Tensor) -> Bars:
        bar = (directions_last(delta_dot).T @ flat).view(w_dot.shape)
        if delta is not None and x_dot is not None:
            other = delta.reshape(-1, outputs).T @ directions_last(x_dot)  # [o, q·i]
            bar += other.view(outputs, count, inputs).transpose(0, 1)
        over = [0, *range(2, delta_dot.ndim - 1)]
        return {"weight": bar} if b is None else {"weight": bar, "bias": delta_dot.sum(over)}

    return Pushed(functional.linear(x, w, b), y_dot, pull, bars)


def _tanh(module: nn.Module, x: Tensor, x_dot: Tensor | None, dots: Dots) -> Pushed:
    y = torch.tanh(x)
    slope = torch.ops.aten.tanh_backward  # δ (1 − y²), in one kernel
    y_dot = None if x_dot is None else slope(x_dot, y.unsqueeze(1))

    def pull(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor]:
        back = slope(delta_dot, y.unsqueeze(1))
        if delta is None or y_dot is None:
            return None, back
        return slope(delta, y), back.addcmul_((delta * y).unsqueeze(1), y_dot, value=-2)

    return Pushed(y, y_dot, pull)


def _relu(module: nn.Module, x: Tensor, x_dot: Tensor | None, dots: Dots) -> Pushed:
    return relu(x, x_dot)


def relu(x: Tensor, x_dot: Tensor | None) -> Pushed:
    """The rule of a ReLU, whose kink may have a width (:mod:`.kinks`)."""
    y = torch.relu(x)
    through = torch.ops.aten.threshold_backward  # δ where y > 0, in one kernel
    bend = None if x_dot is None else bend_of_relu(x)

    def pull(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor]:
        back = through(delta_dot, y.unsqueeze(1), 0)
        if delta is None:
            return None, back
        if bend is not None and x_dot is not None:
            back = back.addcmul_((delta * bend).unsqueeze(1), x_dot)
        return through(delta, y, 0), back

    return Pushed(y, None if x_dot is None else through(x_dot, y.unsqueeze(1), 0), pull)


def _flatten(module: nn.Module, x: Tensor, x_dot: Tensor | None, dots: Dots) -> Pushed:
    shape = x.shape[1:]

    def pull(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor]:
        return None if delta is None else delta.unflatten(1, shape), delta_dot.unflatten(2, shape)

    return Pushed(x.flatten(1), None if x_dot is None else x_dot.flatten(2), pull)


def _identity(module: nn.Module, x: Tensor, x_dot: Tensor | None, dots: Dots) -> Pushed:
    return Pushed(x, x_dot, lambda delta, delta_dot: (delta, delta_dot))


def _dropout(module: nn.Module, x: Tensor, x_dot: Tensor | None, dots: Dots) -> Pushed:
    if isinstance(module, KeyedDropout) and module.rate == 0:
        return _identity(module, x, x_dot, dots)
    scale = module(torch.ones_like(x))  # what it draws is a function of keys

    def pull(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor]:
        return None if delta is None else delta * scale, delta_dot * scale.unsqueeze(1)

    return Pushed(x * scale, None if x_dot is None else x_dot * scale.unsqueeze(1), pull)


def _shifted_dropout(module: nn.Module, x: Tensor, x_dot: Tensor | None, dots: Dots) -> Pushed:
    """Dropout that adds a number to what is left."""
    assert isinstance(module, KeyedAlphaDropout)
    if not module.training or module.rate == 0:
        return _identity(module, x, x_dot, dots)
    scale, shift = module.drawn(x)

    def pull(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor]:
        return None if delta is None else delta * scale, delta_dot * scale.unsqueeze(1)

    return Pushed(x * scale + shift, None if x_dot is None else x_dot * scale.unsqueeze(1), pull)


def _embedding(module: nn.Module, x: Tensor, x_dot: Tensor | None, dots: Dots) -> Pushed:
    """Of token numbers x [b, …], which have no tangents."""
    assert isinstance(module, nn.Embedding)
    w_dot, tokens = dots["weight"], x.flatten()  # [q, v, w]
    y_dot = w_dot[:, x].transpose(0, 1)  # [b, q, …, w]

    def bars(delta: Tensor | None, delta_dot: Tensor) -> Bars:
        moved = delta_dot.transpose(0, 1).flatten(1, -2)  # [q, b·…, w]
        return {"weight": torch.zeros_like(w_dot).index_add_(1, tokens, moved)}

    return Pushed(functional.embedding(x, module.weight), y_dot, _no_way_back, bars)


def _no_way_back(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor]:
    raise AssertionError("token numbers have no tangents")


LAYERS: dict[type[nn.Module], Rule] = {
    nn.Linear: _linear,
    NonDynamicallyQuantizableLinear: _linear,  # attention's own name for one
    nn.Embedding: _embedding,
    nn.Identity: _identity,
    **dict.fromkeys(CONVOLUTIONS, convolution),
    nn.Tanh: _tanh,
    nn.ReLU: _relu,
    nn.Flatten: _flatten,
    KeyedDropout: _dropout,
    KeyedChannelDropout: _dropout,
    KeyedAlphaDropout: _shifted_dropout,
}
