"""One pass of tangents through a model: what moves, how a layer is entered, and what has come back.

A layer is known either by a :data:`~hydra_steps.tangents.rule.Rule`, or, where it calls other layers or moves buffers,
by a :data:`Block`, which is given the pass itself; a module of anyone's by its graph (:mod:`.graph`). Index letters: b
samples, q directions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from torch import Tensor, nn

from hydra_steps.tangents.rule import Bars, Dots, Pushed, Rule

# (δ or None, ε) of y → those of x; ε is None where nothing before x moves.
Back = Callable[[Tensor | None, Tensor], tuple[Tensor | None, Tensor | None]]


class Step(NamedTuple):
    """What a layer made of x and ẋ: y [b, …], ẏ [b, q, …] (None for zero), and the way back."""

    y: Tensor
    y_dot: Tensor | None
    back: Back


@dataclass
class Pass:
    """Tangents of parameters (``dots``) and buffers, by layer, and what the layers made of them.

    On the way back ``bars`` receives the tangents of the parameters' gradients, and ``before_bar`` what the cotangents
    ``buffers_bar`` of the buffers after the step are of those before it. ``after_dot`` has the tangents of the buffers
    after the step. What a layer has no entry for is zero.
    """

    rules: Mapping[type[nn.Module], Rule]
    blocks: Mapping[type[nn.Module], Block]
    dots: Mapping[nn.Module, Dots]
    buffers_dot: Mapping[nn.Module, Dots] = field(default_factory=dict)
    graphs: Mapping[nn.Module, Graph] = field(default_factory=dict)
    buffers_bar: Mapping[nn.Module, Dots] = field(default_factory=dict)
    bars: dict[nn.Module, Bars] = field(default_factory=dict)
    after_dot: dict[nn.Module, Bars] = field(default_factory=dict)
    before_bar: dict[nn.Module, Bars] = field(default_factory=dict)

    def through(self, layer: nn.Module, x: Tensor, x_dot: Tensor | None) -> Step:
        """``layer`` called with x [b, …], whose tangents are ẋ [b, q, …]."""
        kind = type(layer)
        if layer in self.graphs:
            return self.graphs[layer](self, x=x, x_dot=x_dot)
        if kind is nn.Sequential:
            return in_turn(map(self.call, layer.children()), x, x_dot)
        if kind in self.blocks:
            return self.blocks[kind](self, layer, x, x_dot)
        pushed = self.rules[kind](layer, x, x_dot, self.dots.get(layer, {}))

        def receive(bars: Bars) -> None:
            self.bars[layer] = bars

        return entered(pushed, x_dot, receive)

    def call(self, layer: nn.Module) -> Call:
        """``layer`` as one of the calls of :func:`in_turn` and :func:`added`."""
        return partial(self.through, layer)


def entered(pushed: Pushed, x_dot: Tensor | None, receive: Callable[[Bars], None]) -> Step:
    """What a rule gave as a step; ``receive`` takes its bars on the way back."""

    def back(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor | None]:
        if pushed.bars is not None:
            receive(pushed.bars(delta, delta_dot))
        return (None, None) if x_dot is None else pushed.pull(delta, delta_dot)

    return Step(pushed.y, pushed.y_dot, back)


def in_turn(calls: Iterable[Call], x: Tensor, x_dot: Tensor | None) -> Step:
    """One call after the other."""
    backs: list[Back] = []
    for call in calls:
        x, x_dot, back = call(x, x_dot)
        backs.append(back)

    def back_through_all(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor | None]:
        moved: Tensor | None = delta_dot
        for back in reversed(backs):
            if moved is None:
                return None, None
            delta, moved = back(delta, moved)
        return delta, moved

    return Step(x, x_dot, back_through_all)


def added(first: Call, second: Call, x: Tensor, x_dot: Tensor | None) -> Step:
    """The sum of two calls of the same x: a residual block."""
    one, two = first(x, x_dot), second(x, x_dot)

    def back(delta: Tensor | None, delta_dot: Tensor) -> tuple[Tensor | None, Tensor | None]:
        left, left_dot = one.back(delta, delta_dot)
        right, right_dot = two.back(delta, delta_dot)
        return total(left, right), total(left_dot, right_dot)

    return Step(one.y + two.y, total(one.y_dot, two.y_dot), back)


def itself(x: Tensor, x_dot: Tensor | None) -> Step:
    """x, as one of the calls of :func:`added`."""
    return Step(x, x_dot, lambda delta, delta_dot: (delta, None if x_dot is None else delta_dot))


def total(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    """The sum of what is there."""
    if one is None or other is None:
        return other if one is None else one
    return one + other


Call = Callable[[Tensor, Tensor | None], Step]
Block = Callable[[Pass, nn.Module, Tensor, Tensor | None], Step]
Graph = Callable[..., Step]  # of the pass, x and ẋ
