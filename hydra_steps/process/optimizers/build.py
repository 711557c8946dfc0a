"""From a study's section to the :class:`Optimizer` that a training runs: its groups, clipping, average, and name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hydra_steps.config.sections import Training
from hydra_steps.errors import StudyError
from hydra_steps.process.optimizers.averaged import Averaged
from hydra_steps.process.optimizers.clipped import Clipped
from hydra_steps.process.optimizers.grouped import Group, Grouped, members_of
from hydra_steps.process.optimizers.protocol import Optimizer
from hydra_steps.process.optimizers.update_alone import ARGUMENTS, UpdateAlone, check_update
from hydra_steps.registry import find, load
from hydra_steps.registry.expressions import evaluate
from hydra_steps.registry.options import check_requirements, options_of


def training_optimizer(training: Training, layout: Sequence[tuple[str, tuple[int, ...], int]]) -> Optimizer:
    """The optimizer of a training of parameters with this ``layout``, (name, shape, offset) of each.

    Raises :class:`StudyError` as :func:`build_optimizer`, and for a group's pattern that matches no parameter.
    """
    asked = training.optimizer
    made = build_optimizer(asked.name, asked.options)
    if asked.groups:
        *members, others = members_of([group.parameters for group in asked.groups], layout)
        groups = [Group(others, made, 1.0)] if len(others) else []
        for index, group in zip(members, asked.groups, strict=True):
            own = {} if group.weight_decay is None else {"weight_decay": group.weight_decay}
            one = build_optimizer(asked.name, {**asked.options, **own})
            groups.append(Group(index, one, group.rate, frozenset(own)))
        made = Grouped(groups)
    if training.clip is not None:
        made = Clipped(made, **training.clip)
    return made if training.average is None else Averaged(made, training.average)


def build_optimizer(name: str, options: Mapping[str, Any]) -> Optimizer:
    """The optimizer called ``name``; options that are not given take their defaults.

    What is declared makes an optimizer of its options, or is an update alone, a function of five arguments more.
    Raises :class:`StudyError` for an unknown name or option, for options that do not go together, and for an update
    that is not pure and elementwise.
    """
    entry = find("optimizer", name, "training.optimizer.name")
    chosen = options_of(entry, options, "training.optimizer")
    check_requirements(entry, chosen, "training.optimizer")
    function = load("optimizer", name)
    if not entry.given:
        made: Optimizer = function(**chosen)
        return made
    if len(entry.given) != len(ARGUMENTS):
        raise StudyError(
            f"{entry.where}: the optimizer {name} takes {', '.join(entry.given)}",
            f"only options with a default, or also {', '.join(ARGUMENTS)}",
            "give each option a default",
        )
    slots = int(evaluate(entry.traits["slots"], chosen))
    numbers = tuple(option for option, schema in entry.options.items() if schema.get("type") == "number")
    alone = UpdateAlone(name, function, slots, chosen, numbers)
    check_update(alone, entry.where)
    return alone
