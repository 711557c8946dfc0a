"""``python -m hydra_steps.estimate STUDY``: disk, memory and time of each rule of a study, before anything
runs.

The study's own models and methods are timed for a few steps on random data of the right shape, in a minute at most;
each line says how sure its time is: measured, scaled from what was measured, nominal (worked out from the sizes of the
network), or typical. Ends with exit code 1, and the numbers, where the study does not fit the disk.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from hydra_steps.config import canonical_json, load_study, run_config, run_names
from hydra_steps.config.runs import PlainStudy, run_settings
from hydra_steps.config.split_sizes import sizes_of
from hydra_steps.config.study import Method
from hydra_steps.errors import reported
from hydra_steps.estimate.budget import Budget
from hydra_steps.estimate.costs import Cost, require_space, study_costs, wall_seconds
from hydra_steps.estimate.kept import kept_lines, runs_costs
from hydra_steps.estimate.memory import memory_warnings
from hydra_steps.job_environment import start_as_job
from hydra_steps.machine import available, bytes_in
from hydra_steps.progress import Progress
from hydra_steps.trajectory.keep import format_bytes

SECONDS = 45.0  # of measuring; imports and the table come on top

if TYPE_CHECKING:
    from hydra_steps.estimate.rates import Calibration


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m hydra_steps.estimate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("study", help="the YAML file of a study, as config/quickstart.yaml")
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1, help="cores that the study may use")
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help="time to measure in, about (%(default)s)"
    )
    arguments = parser.parse_args()
    with reported():
        study = load_study(arguments.study)
        calibrations, there = measured(study, arguments.seconds), available(Path(study["results"]))
        costs = study_costs(study, calibrations.__getitem__, there)
        print(table(study, costs, arguments.cores))
        for line in kept_lines(
            study, runs_costs(study, run_names(study), calibrations.__getitem__, there), there
        ):
            print(line)
        for warning in memory_warnings(study, {cost.rule: cost.held for cost in costs}):
            print(warning)
        require_space(costs, bytes_in(Path(study["results"]) / study["study"]))


def measured(study: PlainStudy, seconds: float) -> dict[str, Calibration]:
    """Return the measurements of each run's configuration, in about so many ``seconds`` for all together; runs that
    differ in nothing that takes time share them.
    """
    budget, configurations = Budget(seconds), _configurations(study)
    methods = {label: Method.of(plain) for label, plain in study["methods"].items()}
    done: dict[str, Calibration] = {}
    with Progress(total=len(configurations) * (1 + len(methods)), unit="part", desc="measuring") as bar:
        from hydra_steps.estimate.calibration import Known, calibrate  # seconds: the bar comes first

        known = Known()
        for place, runs in enumerate(configurations):

            def tell(label: str, run: str = runs[0]) -> None:
                bar.set_description(f"measuring {run}: {label}", refresh=False)
                bar.update()

            tell("steps")
            settings = run_settings(study, runs[0])
            # The first gets half, as the others' costs are scaled from it where their time is too short.
            parts = min(2, len(configurations)) if place == 0 else len(configurations) - place
            samples, share = sizes_of(settings.data)["train"], budget.share(parts)
            found = calibrate(settings, methods, study["queries"], samples, share, known, tell)
            done |= dict.fromkeys(runs, found)
    return done


def _configurations(study: PlainStudy) -> list[list[str]]:
    """Return the runs of a study, those with the same sections that take time together."""
    groups: dict[str, list[str]] = {}
    for run in run_names(study):
        config = run_config(study, run)
        sections = {name: config[name] for name in ("data", "model", "training", "compute")}
        groups.setdefault(canonical_json(sections), []).append(run)
    return list(groups.values())


def table(study: PlainStudy, costs: list[Cost], cores: int) -> str:
    """Return the costs as text."""
    lines = [f"{'rule':<38}{'jobs':>6}{'disk':>10}{'memory':>10}{'longest':>10}{'together':>10}"]
    for cost in costs:
        lines.append(
            f"{cost.rule:<38}{cost.jobs:>6}{format_bytes(cost.disk):>10}{format_bytes(cost.memory):>10}"
            f"{duration(cost.longest):>10}{duration(cost.seconds):>10}  {cost.note}".rstrip()
        )
    jobs, disk = sum(cost.jobs for cost in costs), sum(cost.disk for cost in costs)
    memory, seconds = max(cost.memory for cost in costs), sum(cost.seconds for cost in costs)
    lines.append(
        f"{study['study'] + ' in all':<38}{jobs:>6}{format_bytes(disk):>10}{format_bytes(memory):>10}"
        f"{'':>10}{duration(seconds):>10}"
    )
    runs = len(run_names(study))
    wall = duration(wall_seconds(costs, cores))
    lines.append(f"{runs} run{'s' * (runs != 1)}; about {wall} on {cores} core{'s' * (cores != 1)}")
    return "\n".join(lines)


def duration(seconds: float) -> str:
    """Return a time for people.

    >>> duration(75.0)
    '75 s'
    """
    if seconds < 99.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5970 else f"{seconds / 3600:,.1f} h"


if __name__ == "__main__":
    start_as_job()
    main()
