"""An optimizer given as its update alone; the way back comes from automatic differentiation.

The update is a pure function ``(parameters, slots, gradient, rate, step, **options) -> (parameters, slots)`` whose
every element depends on the same element of its arguments only: parameters and gradient are [p] or [k, p], slots
[slot, p] or [slot, k, p]. ``rate``, and an option whose derivative is asked for, may be a tensor without axes, so
numbers are combined with tensors by arithmetic, or by :func:`.protocol.add_scaled` and its neighbours, which keep
``torch.optim``'s bits. The root of 0 has the slope 0: a parameter that no sample has moved would otherwise turn every
derivative of an update like RMSprop's into NaN.

One pullback costs a forward pass of the update and one pass back for each query; a closed form, where there is one,
saves half of that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from hydra_steps.errors import StudyError
from hydra_steps.process.optimizers.protocol import Scalar

ARGUMENTS = ("parameters", "slots", "gradient", "rate", "step")
TRIED = 6  # parameters of the trial


@dataclass(frozen=True)
class UpdateAlone:
    """The optimizer whose update is ``function``, with ``options``; ``numbers`` names those that are real numbers."""

    name: str
    function: Callable[..., tuple[Tensor, Tensor]]
    slots: int
    options: Mapping[str, Any]
    numbers: tuple[str, ...] = ()

    @property
    def linear(self) -> bool:
        return False

    def hyperparameters(self) -> dict[str, float]:
        return {name: float(self.options[name]) for name in self.numbers}

    def not_differentiable(self) -> dict[str, str]:
        return {}

    def update(
        self, parameters: Tensor, slots: Tensor, gradient: Tensor, rate: Scalar, step: int, **hyper: Scalar
    ) -> tuple[Tensor, Tensor]:
        try:
            with _Differentiable():
                return self.function(parameters, slots, gradient, rate, step, **{**self.options, **hyper})
        except TypeError as error:
            tensors = [*hyper, *(["rate"] if isinstance(rate, Tensor) else [])]
            if not tensors:
                raise
            raise StudyError(
                f"the optimizer {self.name} cannot be differentiated by {' and '.join(tensors)}: {error}",
                "an update that takes a tensor without axes there",
                "write scale * x, or add_scaled(x, scale, y) of hydra_steps.plugins, in place of alpha= and value=",
            ) from error

    def pullback(
        self,
        before: tuple[Tensor, Tensor, Tensor | None],
        rate: float,
        step: int,
        parameters_bar: Tensor,
        slots_bar: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        def update(parameters: Tensor, slots: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
            return self.update(parameters, slots, gradient, rate, step)

        pull = torch.func.vjp(update, *before)[1]
        made: tuple[Tensor, Tensor, Tensor] = torch.func.vmap(pull)((parameters_bar, slots_bar))
        return made

    def stationary_decay(self, slots: Tensor, steps: int) -> float:
        """λ, the option ``weight_decay``, where λ θ is added to the gradient; 0 without such an option.

        Raises :class:`StudyError` for a decay that acts in another way: what it adds to the curvature is not known.
        """
        decay = float(self.options.get("weight_decay", 0.0))
        parameters, own, gradient = _trial(self.slots)
        kept = self.update(parameters, own, gradient, 0.1, 1)
        added = (
            self.update(parameters, own, gradient + decay * parameters, 0.1, 1, weight_decay=0.0)
            if decay
            else kept
        )
        if not all(torch.allclose(a, b, rtol=1e-10, atol=1e-14) for a, b in zip(kept, added, strict=True)):
            raise StudyError(
                f"influence functions were asked of a training with the optimizer {self.name}, whose weight decay is "
                "not added to the gradient",
                "a decay of which it is known what it adds to the curvature",
                "set training.optimizer.weight_decay to 0, or remove the method from this study",
            )
        return decay


class _Differentiable(TorchFunctionMode):
    """Gives square roots the slope 0 at 0, their values keep their bits; and refuses what would cut a derivative off
    without a word: forward mode sees no tensor that became a number.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _NUMBERS or any(isinstance(kwargs.get(name), Tensor) for name in ("alpha", "value")):
            raise TypeError(f"{func.__name__} turns a tensor into a number")
        half = func in _POWERS and len(args) == 2 and isinstance(args[1], float) and args[1] == 0.5
        if func in _ROOTS or half:
            zero = args[0] == 0
            return torch.where(zero, 0.0, func(torch.where(zero, 1.0, args[0]), *args[1:], **kwargs))
        return func(*args, **kwargs)


_ROOTS = (torch.sqrt, Tensor.sqrt)
_POWERS = (torch.pow, Tensor.pow, Tensor.__pow__)
_NUMBERS = (Tensor.item, Tensor.tolist, Tensor.__float__, Tensor.__int__)


def check_update(optimizer: UpdateAlone, where: str) -> None:
    """Try the update on a few numbers; raise :class:`StudyError` with what is wrong with it, declared at ``where``."""
    given = parameters, slots, gradient = _trial(optimizer.slots)
    kept = [x.clone() for x in given]
    try:
        after = optimizer.update(*given, 0.1, 1)
        shapes = [tuple(part.shape) for part in after]
    except Exception as error:  # whatever another's function may do
        raise StudyError(
            f"{where}: the update of the optimizer {optimizer.name} fails: {type(error).__name__}: {error}",
            "(parameters, slots) of the shapes of its arguments",
            "mend the function",
        ) from error
    if shapes != [tuple(parameters.shape), tuple(slots.shape)]:
        raise StudyError(
            f"{where}: the update of the optimizer {optimizer.name} returns the shapes {shapes} for "
            f"{optimizer.slots} slots of {tuple(parameters.shape)}",
            "(parameters, slots) of the shapes of its arguments",
            "return both, or correct `slots` in the declaration",
        )
    if not all(torch.equal(x, old) for x, old in zip(given, kept, strict=True)):
        raise StudyError(
            f"{where}: the update of the optimizer {optimizer.name} changes its arguments in place",
            "a function that returns new tensors",
            "write x = x.add(…) in place of x.add_(…)",
        )
    alone = optimizer.update(parameters[0, :1], slots[:, 0, :1], gradient[0, :1], 0.1, 1)
    for whole, part in zip((after[0][0, :1], after[1][:, 0, :1]), alone, strict=True):
        if not torch.allclose(whole, part, rtol=1e-12, atol=0):
            raise StudyError(
                f"{where}: the update of the optimizer {optimizer.name} of one parameter depends on the others",
                "an elementwise update",
                "leave norms and means over the parameters out",
            )


def _trial(slots: int) -> tuple[Tensor, Tensor, Tensor]:
    """Parameters, slots and gradient of two small trainings."""
    generator = torch.Generator().manual_seed(0)
    parameters, gradient = torch.randn(2, 2, TRIED, dtype=torch.float64, generator=generator)
    return parameters, torch.rand(slots, 2, TRIED, dtype=torch.float64, generator=generator), gradient
