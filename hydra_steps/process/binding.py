"""The places of a module's tensors, emptied once and filled anew at every call."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from torch import Tensor, nn

from hydra_steps.errors import StudyError


class Binding:
    """All places of one tensor: ``owner`` has it as ``attribute``, others may share it.

    The tensor stops being registered and becomes a plain attribute, which is set without any machinery.
    """

    def __init__(self, places: Sequence[tuple[nn.Module, str]]) -> None:
        self.owner, self.attribute = places[0]
        # A class that watches its attributes (the recurrent layers do) must be told.
        self._watched = [place for place in places if type(place[0]).__setattr__ is not nn.Module.__setattr__]
        self._plain = [(owner.__dict__, name) for owner, name in places if (owner, name) not in self._watched]

    def set(self, tensor: Tensor) -> None:
        """Put ``tensor`` into all places."""
        for attributes, name in self._plain:
            attributes[name] = tensor
        for owner, name in self._watched:
            setattr(owner, name, tensor)

    def get(self) -> Tensor:
        """What the first place holds now."""
        found: Tensor = getattr(self.owner, self.attribute)
        return found


def take_out(module: nn.Module, tensors: Sequence[Tensor]) -> list[Binding]:
    """Unregister these parameters or buffers of ``module`` wherever they stand: a binding for each, in their order."""
    places: dict[int, list[tuple[nn.Module, str]]] = {id(tensor): [] for tensor in tensors}
    for owner in module.modules():
        for registered in (owner._parameters, owner._buffers):
            for name, tensor in list(registered.items()):
                if tensor is not None and id(tensor) in places:
                    places[id(tensor)].append((owner, name))
                    del registered[name]
    return [Binding(places[id(tensor)]) for tensor in tensors]


def where_saved(module: nn.Module, named: Sequence[tuple[str, Tensor]]) -> list[tuple[str, int | Tensor]]:
    """What ``module.state_dict()`` holds: a name, and its place in ``named`` or, of a constant, the tensor itself."""
    places = {id(tensor): place for place, (_, tensor) in enumerate(named)}
    everything = module.state_dict(keep_vars=True)
    return [(name, places.get(id(tensor), tensor)) for name, tensor in everything.items()]


def own_copy(module: nn.Module) -> nn.Module:
    """A copy of ``module`` that shares nothing with it; :class:`StudyError` where a binding of its parameters could
    not be what training it would be."""
    named = dict(module.named_parameters())
    if not any(parameter.requires_grad for parameter in named.values()):
        raise StudyError(
            "the model has no parameter that is trained",
            "at least one with requires_grad",
            "leave some of its parameters unfrozen",
        )
    for name, parameter in named.items():
        if parameter._backward_hooks or getattr(parameter, "_post_accumulate_grad_hooks", None):
            raise StudyError(
                f"the model's parameter {name!r} has a hook on its gradient",
                "a gradient that is the derivative of the loss",
                "remove the hook",
            )
    try:
        return copy.deepcopy(module)
    except RuntimeError as error:
        raise StudyError(
            f"the model cannot be copied: {error}",
            "a module whose tensors are parameters, buffers, or made in its forward pass",
            "use torch.nn.utils.parametrizations in the place of torch.nn.utils, or compute the tensor in forward",
        ) from error
