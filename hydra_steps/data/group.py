"""Several arrays of the same samples by name, such as token ids and their mask: what ``module(**inputs)`` takes.

Of numpy's or of PyTorch's: indexing, splitting and the length are by sample, as for one array.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hydra_steps.config.datasets import Shape


class Group:
    """``members``: arrays or tensors [n, …] by the name of the module's parameter, in one order of samples."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        self.members = dict(members)

    def __len__(self) -> int:
        return len(next(iter(self.members.values())))

    def __getitem__(self, index: Any) -> Group:
        return self.map(lambda member: member[index])

    def map(self, function: Callable[[Any], Any]) -> Group:
        """Return the group of what ``function`` makes of each member."""
        return Group({name: function(member) for name, member in self.members.items()})

    def split(self, size: int) -> list[Group]:
        """Return the samples in pieces of ``size``, as a tensor's ``split`` does."""
        return [self[start : start + size] for start in range(0, max(len(self), 1), size)]


def mapped(function: Callable[[Any], Any], inputs: Any) -> Any:
    """Return what ``function`` makes of an array, or the group of what it makes of each of a group."""
    return inputs.map(function) if isinstance(inputs, Group) else function(inputs)


def members_of(inputs: Any) -> dict[str, Any]:
    """Return the arrays by name; one array has no name.

    >>> members_of(Group({"ids": [1], "mask": [0]}))
    {'ids': [1], 'mask': [0]}
    """
    return inputs.members if isinstance(inputs, Group) else {"": inputs}


def sample_shape(inputs: Any) -> Shape:
    """Return the shape of one sample; of a group the shapes by name."""
    if isinstance(inputs, Group):
        return {name: tuple(member.shape[1:]) for name, member in inputs.members.items()}
    return tuple(inputs.shape[1:])


def called(module: Callable[..., Any], inputs: Any) -> Any:
    """Return what a module makes of inputs: ``module(inputs)``, or ``module(**inputs)`` of a group."""
    return module(**inputs.members) if isinstance(inputs, Group) else module(inputs)


__all__ = ["Group", "Shape", "called", "mapped", "members_of", "sample_shape"]
