"""Which layer of a module is at fault: what each call of a layer was given and gave, compared between two passes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

Same = Callable[[Tensor, Tensor], bool]


@dataclass(frozen=True)
class Call:
    """One call of a layer: its qualified ``name``, and the tensors that it was given and gave."""

    name: str
    layer: nn.Module
    arguments: tuple[Any, dict[str, Any]]
    given: list[Tensor]
    gave: list[Tensor]


@dataclass
class Watched:
    """The calls of a pass, inner layers before those around them; ``open``: entered and not left yet, outermost
    first."""

    calls: list[Call] = field(default_factory=list)
    open: list[tuple[str, nn.Module]] = field(default_factory=list)


@contextmanager
def watched(module: nn.Module) -> Iterator[Watched]:
    """Watch what ``module`` and the layers in it do, by hooks that are gone afterwards."""
    seen, handles = Watched(), []

    def entered(name: str, layer: nn.Module) -> Callable[..., None]:
        return lambda *_: seen.open.append((name, layer))

    def left(name: str) -> Callable[..., None]:
        def note(layer: nn.Module, arguments: Any, named: dict[str, Any], output: Any) -> None:
            seen.open.pop()
            given, gave = (
                [x.clone() for x in tree_leaves(tree) if isinstance(x, Tensor)]
                for tree in ((arguments, named), output)
            )
            seen.calls.append(Call(name, layer, (arguments, named), given, gave))

        return note

    for name, layer in module.named_modules():
        handles.append(layer.register_forward_pre_hook(entered(name, layer)))
        handles.append(layer.register_forward_hook(left(name), with_kwargs=True))
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def first_different(one: Watched, other: Watched, same: Same) -> Call | None:
    """The first layer, inner ones first, that was given the same in both passes and gave something else."""
    for mine, theirs in zip(one.calls, other.calls, strict=False):
        if mine.name != theirs.name:
            return None
        if _all_same(mine.given, theirs.given, same) and not _all_same(mine.gave, theirs.gave, same):
            return mine
    return None


def _all_same(one: list[Tensor], other: list[Tensor], same: Same) -> bool:
    return len(one) == len(other) and all(same(x, y) for x, y in zip(one, other, strict=True))


def described(name: str, layer: nn.Module) -> str:
    """A layer for a message."""
    return (
        f"its layer {name!r} ({type(layer).__name__})"
        if name
        else f"its own forward ({type(layer).__name__})"
    )


def in_words(error: Exception) -> str:
    """What PyTorch says, in one clause."""
    text = str(error).strip()
    if "inplace" in text or "in-place" in text:
        return "a tensor is changed in place that a gradient needs"
    first = re.split(r"\n|(?<!\.)\. ", text)[0].rstrip(".")
    return first if type(error) is RuntimeError else f"{type(error).__name__}: {first}"
