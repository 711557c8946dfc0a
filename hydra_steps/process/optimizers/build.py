"""From an optimizer's name to an :class:`Optimizer`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hydra_steps.errors import StudyError
from hydra_steps.process.optimizers.protocol import Optimizer
from hydra_steps.process.optimizers.update_alone import ARGUMENTS, UpdateAlone, check_update
from hydra_steps.registry import find, load
from hydra_steps.registry.expressions import evaluate
from hydra_steps.registry.options import check_requirements, options_of


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
