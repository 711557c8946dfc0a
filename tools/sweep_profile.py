"""Where the time of a training and of an exact sweep goes, by PyTorch's operations.

``python -m tools.sweep_profile config/benchmark_resnet18.yaml`` reads the splits and labels of a timing study that has
run (``make benchmark CONFIG=…``), and prints, of its first run, the share of the processor's time in each operation
(torch.profiler, after one pass that is not counted), the largest first.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from torch.profiler import ProfilerActivity, profile

from hydra_steps.benchmark.contestants import score
from hydra_steps.benchmark.timed_run import TimedRun
from hydra_steps.config import load_study
from hydra_steps.config.runs import run_names, run_settings
from hydra_steps.errors import StudyError, reported
from hydra_steps.process.building import load_data
from hydra_steps.process.compute import prepare_compute
from hydra_steps.scoring.hydra import hydra_exact

LISTED = 8  # operations


def shares(act: Callable[[], Any]) -> dict[str, float]:
    """Return each operation's share of the processor's time of ``act``, the largest first."""
    act()
    with profile(activities=[ProfilerActivity.CPU]) as found:
        act()
    spent = {event.key: float(event.self_cpu_time_total) for event in found.key_averages()}
    total = sum(spent.values())
    return {key: spent[key] / total for key in sorted(spent, key=lambda key: -spent[key])}


def table(config: str) -> list[str]:
    """Return the lines of the table of a study that has run; :class:`StudyError` for one that has not."""
    study = load_study(config)
    run = run_names(study)[0]
    folder = Path(study["results"], study["study"], "runs", run)
    settings = run_settings(study, run)
    if not (folder / "labels.csv").is_file():
        raise StudyError(
            f"{folder} has no labels.csv", "a timing study that has run", "run make benchmark first"
        )
    data = load_data(settings, folder / "splits.csv", folder / "labels.csv")
    prepare_compute(settings.compute)
    timed = TimedRun(settings, data, study["benchmark"]["samples"], study["benchmark"]["epochs"])
    queries = timed.queries(1)
    lines = [
        f"{settings.model.name}, {timed.process.model.path}:",
        "",
        "| of | operation | share |",
        "|---|---|---:|",
    ]
    for name, act in (
        ("training", timed.plain_training()),
        ("exact, 1 query", partial(score, hydra_exact, timed, queries)),
    ):
        lines += [f"| {name} | `{key}` | {share:.0%} |" for key, share in list(shares(act).items())[:LISTED]]
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.sweep_profile", description=__doc__)
    parser.add_argument("config", help="the timing study")
    config = parser.parse_args().config
    with reported():
        print("\n".join(table(config)))


if __name__ == "__main__":
    main()
