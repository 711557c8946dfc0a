"""Parameter groups: another rate and another weight decay for parameters whose names match a pattern.

Optimizers are elementwise, so a step of all parameters is one step of each group by its own optimizer, put back
together. Index letters: p parameters, k trainings at once, q queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import torch
from torch import Tensor

from hydra_steps.errors import StudyError
from hydra_steps.process.optimizers.clipped import kept_hyperparameters, without_momentum
from hydra_steps.process.optimizers.protocol import Optimizer, Scalar


@dataclass(frozen=True)
class Group:
    """``index`` [g] of the parameters, their ``optimizer``, and what the learning rate is multiplied by."""

    index: Tensor
    optimizer: Optimizer
    rate: float
    own: frozenset[str] = frozenset()  # hyperparameters that are the group's own


class Grouped:
    """One optimizer made of several, each for its own parameters; every parameter belongs to one group."""

    def __init__(self, groups: Sequence[Group]) -> None:
        self._groups = list(groups)
        self._inverse = torch.cat([group.index for group in groups]).argsort()

    @property
    def slots(self) -> int:
        return self._groups[0].optimizer.slots

    @property
    def linear(self) -> bool:
        # Linear it may be, but what is done to an impulse is not the same for all parameters.
        return False

    def hyperparameters(self) -> dict[str, float]:
        shared: dict[str, float] = {}
        for group in self._groups:
            known = kept_hyperparameters(group.optimizer).items()
            shared |= {name: x for name, x in known if name not in group.own}
        return shared

    def not_differentiable(self) -> dict[str, str]:
        return without_momentum(self._groups[0].optimizer)

    def update(
        self, parameters: Tensor, slots: Tensor, gradient: Tensor, rate: Scalar, step: int, **hyper: Scalar
    ) -> tuple[Tensor, Tensor]:
        after = []
        for group in self._groups:
            index, own = (
                group.index.to(parameters.device),
                {k: x for k, x in hyper.items() if k not in group.own},
            )
            given = [part[..., index] for part in (parameters, slots, gradient)]
            after.append(group.optimizer.update(given[0], given[1], given[2], rate * group.rate, step, **own))
        return self._joined([one[0] for one in after]), self._joined([one[1] for one in after])

    def pullback(
        self,
        before: tuple[Tensor, Tensor, Tensor | None],
        rate: float,
        step: int,
        parameters_bar: Tensor,
        slots_bar: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        parameters, slots, gradient = before
        pulled = []
        for group in self._groups:
            index = group.index.to(parameters.device)
            given = (parameters[index], slots[:, index], None if gradient is None else gradient[index])
            bars = parameters_bar[..., index], slots_bar[..., index]
            pulled.append(group.optimizer.pullback(given, rate * group.rate, step, *bars))
        return (
            self._joined([one[0] for one in pulled]),
            self._joined([one[1] for one in pulled]),
            self._joined([one[2] for one in pulled]),
        )

    def stationary_decay(self, slots: Tensor, steps: int) -> Scalar:
        """λ' of each parameter [p]."""
        decays = []
        for group in self._groups:
            decay = group.optimizer.stationary_decay(slots[:, group.index.to(slots.device)], steps)
            whole = torch.as_tensor(decay, dtype=slots.dtype, device=slots.device)
            decays.append(whole.expand(len(group.index)))
        return self._joined(decays)

    def _joined(self, parts: Sequence[Tensor]) -> Tensor:
        return torch.cat(list(parts), -1)[..., self._inverse.to(parts[0].device)]


def members_of(patterns: Sequence[str], layout: Sequence[tuple[str, tuple[int, ...], int]]) -> list[Tensor]:
    """The index [g] of the parameters of each pattern, and at the end of those that none matches.

    ``layout`` lists (name, shape, offset); the first pattern that matches a name (:mod:`fnmatch`) has it. Raises
    :class:`StudyError` for a pattern that is left without a parameter.
    """
    found: dict[int, list[Tensor]] = {place: [] for place in range(len(patterns) + 1)}
    for name, shape, offset in layout:
        place = next((i for i, pattern in enumerate(patterns) if fnmatchcase(name, pattern)), len(patterns))
        found[place].append(offset + torch.arange(int(torch.Size(shape).numel())))
    for place, pattern in enumerate(patterns):
        if not found[place]:
            raise StudyError(
                f"training.optimizer.groups[{place}].parameters: {pattern!r} matches no parameter that no "
                "earlier group has",
                f"a pattern of the trained parameters {', '.join(name for name, _, _ in layout)}",
                "correct the pattern",
            )
    return [torch.cat(parts) if parts else torch.zeros(0, dtype=torch.int64) for parts in found.values()]
