"""The runs of a study with the states that each will store, of which ``keep: auto`` decides by the disk and the memory.

Runs are taken one after another: a run has the disk that those before it leave. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from hydra_steps.config.runs import PlainStudy, run_settings
from hydra_steps.estimate.run_costs import RunCosts, run_size
from hydra_steps.machine import Available
from hydra_steps.trajectory.automatic import described

if TYPE_CHECKING:
    from hydra_steps.estimate.rates import Calibration


def runs_costs(
    study: PlainStudy,
    runs: Iterable[str],
    calibration_of: Callable[[str], Calibration],
    there: Available | None = None,
) -> dict[str, RunCosts]:
    """Return the costs of ``runs`` by name; of the disk that is ``there`` each takes its trajectory."""
    found = {}
    for run in runs:
        found[run] = RunCosts(run_size(study, run), calibration_of(run), there)
        there = there and there.without(found[run].shape.bytes)
    return found


def kept_lines(study: PlainStudy, costs: Mapping[str, RunCosts], there: Available) -> list[str]:
    """Return a line for each variant with ``keep: auto``: what it would decide now, for the variant's first run."""
    lines: dict[str, str] = {}
    for run, cost in costs.items():
        variant = run_settings(study, run).variant
        if cost.size.keep == "auto" and variant not in lines:
            lines[variant] = f"{variant}: {described(cost.gap, cost.size.steps, cost.state, there)}"
        there = there.without(cost.shape.bytes)
    return list(lines.values())
