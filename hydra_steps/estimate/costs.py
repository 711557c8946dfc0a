"""From a calibration to a table: jobs, disk, memory and seconds of each rule of a study. Imports no torch."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hydra_steps.config import explored_runs, run_config, run_names
from hydra_steps.config.datasets import dataset, sizes_of
from hydra_steps.config.designs import design_specs
from hydra_steps.config.explanations import explanation_labels
from hydra_steps.config.removals import brittleness_labels, removal_labels
from hydra_steps.config.runs import Study
from hydra_steps.config.sweeps import damping_sweeps
from hydra_steps.config.traces import trace_labels
from hydra_steps.errors import StudyError
from hydra_steps.estimate.run_costs import Job, RunCosts, run_size
from hydra_steps.trajectory.keep import format_bytes

if TYPE_CHECKING:
    from hydra_steps.estimate.rates import Calibration

# Rules that take seconds whatever the study: their time and disk are typical values, not measured ones.
LIGHT = {
    "save_study": 1e4,
    "evaluate_noise": 1e5,
    "evaluate_training": 1e5,
    "evaluate_contributions": 1e6,
    "evaluate_timing": 1e4,
    "evaluate_queries": 1e4,
    "evaluate_jobs": 1e4,
    "evaluate_smoothness": 1e4,
    "evaluate_agreement": 1e5,
    "evaluate_detection": 1e5,
    "evaluate_counterfactual": 1e6,
    "plot_noise": 1e6,
    "plot_training": 1e6,
    "plot_agreement": 1e6,
    "plot_detection": 1e6,
    "plot_contributions": 1e6,
    "plot_counterfactual": 1e6,
    "plot_prediction": 1e6,
    "write_report": 1e7,
}
OF_REMOVAL = {"evaluate_removal": 1e5, "plot_removal": 1e6}  # where removal curves are asked for
OF_BRITTLENESS = {"evaluate_brittleness": 1e5, "plot_brittleness": 1e6}
OF_EXPLORER = {"predict_samples": 1e6, "write_explorer": 1e7}
OF_COMPARISON = {"evaluate_comparison": 1e5, "plot_cost_accuracy": 1e6}
OF_DAMPING = {"evaluate_damping": 1e5, "plot_damping": 1e6}  # where a method is there with several dampings
OF_CLAIMS = {"evaluate_claims": 1e5, "plot_claims": 1e6}
OF_ABLATIONS = {"evaluate_ablations": 1e5, "plot_ablations": 1e6}
OF_TRACE = {
    "evaluate_approximation": 1e5,
    "evaluate_stability": 1e5,
    "plot_approximation": 1e6,
    "plot_stability": 1e6,
}
OF_SECTION = {  # where a section is switched on
    "clustering": {"evaluate_clustering": 1e6, "plot_clustering": 1e6},
    "embedding": {"evaluate_embedding": 1e6, "plot_embedding": 1e7},
    "class_contributions": {"evaluate_class_contributions": 1e6, "plot_class_contributions": 1e6},
    "extremes": {"evaluate_extremes": 1e6, "plot_extremes": 1e6},
}
# Typical seconds on one core: of clustering for each run and method, of t-SNE for each method and 1,000 samples.
CLUSTERING_SECONDS, EMBEDDING_SECONDS = 4.0, 5.0
OF_EXACT = ("evaluate_agreement", "plot_agreement", "evaluate_smoothness")  # where exact HyDRA is asked for
RETRAINING = ("retrain_without", "measure_smoothness", "retrain_subsets", "find_flips")
LIGHT_SECONDS, LIGHT_MEMORY = 4.0, 3e8


@dataclass(frozen=True)
class Cost:
    """One line of the table: ``disk`` bytes of all jobs, ``memory`` bytes of one, ``seconds`` of all one
    after another.

    ``longest`` is the time of the longest job, ``folder`` where the disk is needed, ``note`` how sure the time is.
    """

    rule: str
    jobs: int
    disk: float
    memory: float
    seconds: float
    longest: float
    folder: Path
    note: str = ""


def study_costs(study: Study, calibration_of: Callable[[str], Calibration]) -> list[Cost]:
    """Return the costs of all rules; ``calibration_of(run)`` gives the measurements of a run's configuration."""
    results = Path(study["results"])
    runs = {run: RunCosts(run_size(study, run), calibration_of(run)) for run in run_names(study)}
    costs = _data_costs(study, results)
    steps = least_sure(cost.measured.source for cost in runs.values())
    scored = {
        label: least_sure(cost.measured.methods[label].source for cost in runs.values())
        for label in study["methods"]
    }
    costs.append(_sum("train_model", results, [[cost.train()] for cost in runs.values()], steps))
    for label, source in scored.items():
        jobs = [[cost.score(label)] for cost in runs.values()]
        costs.append(_sum(f"score_samples: {label}", results, jobs, source))
    for name, spec in design_specs(study["counterfactual"]).items():
        jobs = [cost.retrain(spec, int(study["counterfactual"]["batch"])) for cost in runs.values()]
        costs.append(_sum(f"retrain_without: {name}", results, jobs, steps))
    light = dict(LIGHT)
    if removal_labels(study):
        jobs = [[cost.subsets(study["removal"]) for _ in removal_labels(study)] for cost in runs.values()]
        costs.append(_sum("retrain_subsets", results, jobs, steps))
        light |= OF_REMOVAL
    if brittleness_labels(study):
        jobs = [
            [cost.flips(study["brittleness"]) for _ in brittleness_labels(study)] for cost in runs.values()
        ]
        costs.append(_sum("find_flips", results, jobs, steps))
        light |= OF_BRITTLENESS
    if trace_labels(study):
        trace = study["trace"]
        jobs = [[cost.traced(label, trace) for label in trace_labels(study)] for cost in runs.values()]
        costs.append(
            _sum("trace_scores", results, jobs, least_sure(scored[one] for one in trace_labels(study)))
        )
        if trace["tracked"]:
            # Forward with the Hessian costs about two trainings for each sample.
            jobs = [[cost.trainings(2 * int(trace["tracked"]), 0.0)] for cost in runs.values()]
            costs.append(_sum("measure_approximation", results, jobs, steps))
        light |= OF_TRACE
    if explored_runs(study):
        light |= OF_EXPLORER
    if study["claims"]:
        light |= OF_CLAIMS
    if study["comparison"]:
        light |= OF_COMPARISON
    if study["ablations"]["reference"] is not None:
        light |= OF_ABLATIONS
    if damping_sweeps(study["methods"]):
        light |= OF_DAMPING
    for section, rules in OF_SECTION.items():
        if explanation_labels(study, section):
            light |= rules
    longer = {
        "evaluate_clustering": CLUSTERING_SECONDS * len(explanation_labels(study, "clustering")) * len(runs),
        "evaluate_embedding": EMBEDDING_SECONDS
        * len(explanation_labels(study, "embedding"))
        * max(1, len(study["variants"]))
        * study["embedding"]["samples"]
        / 1000,
    }
    exact = "hydra_exact" in study["methods"]
    if exact:
        smoothness = study["smoothness"]
        trainings = int(smoothness["groups"]) * len(smoothness["steps"])
        jobs = [[cost.trainings(trainings, 8.0 * 5)] for cost in runs.values()]
        costs.append(_sum("measure_smoothness", results, jobs, steps))
    costs += [
        Cost(rule, 1, disk, LIGHT_MEMORY, seconds, seconds, results, "typical")
        for rule, disk in light.items()
        for seconds in [LIGHT_SECONDS + longer.get(rule, 0.0)]
        if exact or rule not in OF_EXACT
    ]
    return costs


def wall_seconds(costs: list[Cost], cores: int) -> float:
    """Return a time for the whole study: the work shared among the cores, but not less than its longest chain."""
    phases: dict[str, float] = {}
    for cost in costs:
        rule = cost.rule.split(":")[0]
        phase = "re-train" if rule in RETRAINING else rule.split("_")[0]
        phases[phase] = max(phases.get(phase, 0.0), cost.longest)
    return max(sum(cost.seconds for cost in costs) / max(1, cores), sum(phases.values()))


def require_space(costs: list[Cost], already: float = 0.0) -> None:
    """Raise :class:`StudyError`, with the numbers, where the disk that a folder is on has too little space.

    ``already`` bytes of it are there from an earlier run.
    """
    needed: dict[int, list[Cost]] = {}
    for cost in costs:
        needed.setdefault(_existing(cost.folder).stat().st_dev, []).append(cost)
    for parts in needed.values():
        largest = sorted(parts, key=lambda cost: -cost.disk)[:3]
        folder = _existing(largest[0].folder)
        free, total = shutil.disk_usage(folder).free, max(0.0, sum(c.disk for c in parts) - already)
        if total > free:
            raise StudyError(
                f"the study takes {format_bytes(total)} more, and the disk of {folder.resolve()} has "
                f"{format_bytes(free)} free ("
                + ", ".join(f"{cost.rule} {format_bytes(cost.disk)}" for cost in largest)
                + ")",
                fix="keep fewer states (trajectory.keep: sqrt, or a budget), or set results to another disk",
            )


def _data_costs(study: Study, results: Path) -> list[Cost]:
    """Fetching, splits and labels: bytes are known from the datasets' shapes, seconds are typical."""
    runs = [run_config(study, run) for run in run_names(study)]
    datasets = {(run["data"]["name"], run["data"]["folder"]) for run in runs}
    costs = []
    for name, folder in sorted(datasets):
        entry = dataset(name)
        size = sum(entry.parts.values()) * (math.prod(entry.shape) + 1.0) if entry.fetched else 1e4
        there = (Path(folder) / name / "manifest.json").exists()
        note = "there already" if there else "time depends on the network" if entry.fetched else "typical"
        seconds = 0.0 if there else LIGHT_SECONDS
        costs.append(
            Cost(
                f"fetch_data: {name}",
                1,
                0.0 if there else size,
                LIGHT_MEMORY,
                seconds,
                seconds,
                Path(folder),
                note,
            )
        )
    rows = [sizes_of(run["data"]) for run in runs]
    for rule, size in (("split_data", 25.0), ("noise_labels", 12.0)):
        disk = size * sum(sum(row.values()) for row in rows)
        seconds = LIGHT_SECONDS * len(runs)
        costs.append(Cost(rule, len(runs), disk, LIGHT_MEMORY, seconds, LIGHT_SECONDS, results, "typical"))
    return costs


def least_sure(sources: Iterable[str]) -> str:
    """Return the source that says least: nominal before scaled before measured."""
    return min(
        sources, key=lambda source: ("nominal", "scaled", "measured").index(source.split()[0].strip(";"))
    )


def _sum(rule: str, folder: Path, per_run: list[list[Job]], note: str) -> Cost:
    jobs = [job for run in per_run for job in run]
    seconds, disk, memory = zip(*jobs, strict=True) if jobs else ((0.0,), (0.0,), (0.0,))
    return Cost(rule, len(jobs), sum(disk), max(memory), sum(seconds), max(seconds), folder, note)


def _existing(folder: Path) -> Path:
    """Return the folder or its nearest parent that exists."""
    folder = Path(os.path.abspath(folder))
    return next(path for path in (folder, *folder.parents) if path.exists())
