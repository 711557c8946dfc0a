"""From a calibration to a table: jobs, disk, memory and seconds of each rule of a study. Imports no torch."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hydra_steps.config import explored_runs, run_names
from hydra_steps.config.audits import FORMS
from hydra_steps.config.datasets import dataset
from hydra_steps.config.descriptions import described_by
from hydra_steps.config.designs import design_specs, draws
from hydra_steps.config.removals import brittleness_labels, removal_labels
from hydra_steps.config.runs import PlainStudy, planted_runs, run_settings
from hydra_steps.config.smoothness_steps import all_steps
from hydra_steps.config.split_sizes import sizes_of
from hydra_steps.config.traces import trace_labels
from hydra_steps.errors import StudyError
from hydra_steps.estimate.kept import runs_costs
from hydra_steps.estimate.rates import Held
from hydra_steps.estimate.run_costs import Job, RunCosts
from hydra_steps.machine import Available, existing
from hydra_steps.plan.artifacts import Artifacts
from hydra_steps.plan.figures import plan_figures
from hydra_steps.plan.tables import plan_tables
from hydra_steps.trajectory.keep import format_bytes

if TYPE_CHECKING:
    from hydra_steps.estimate.rates import Calibration

# Rules that take seconds whatever the study, and the disk of each: typical values, not measured ones.
SMALL = {"save_study": 1e4, "write_report": 1e7}
OF_EXPLORER = {"predict_samples": 1e6, "write_explorer": 1e7}
OF_COPIES = {"plant_labels": 1e6, "predict_classes": 1e6}  # of each copy of the data
OF_AUDIT = {"predict_samples": 1e6, "write_audit": 1e6}
OF_DECISIONS = {"check_decisions": 1e4, "write_cleaned": 1e8}  # a copy of the data
TABLE_DISK, FIGURE_DISK = 1e6, 1e6
SCORES = "score_samples: "
RETRAINING = ("retrain_without", "measure_smoothness", "retrain_subsets", "find_flips", "prove_decisions")
LIGHT_SECONDS, LIGHT_MEMORY = 4.0, 3e8


@dataclass(frozen=True)
class Cost:
    """One line of the table: ``disk`` bytes of all jobs, ``memory`` bytes of one, ``seconds`` of all one
    after another.

    ``longest`` is the time of the longest job, ``folder`` where the disk is needed, ``note`` how sure the time is.
    ``held`` is the least that one job holds in memory at once.
    """

    rule: str
    jobs: int
    disk: float
    memory: float
    seconds: float
    longest: float
    folder: Path
    note: str = ""
    held: Held = Held()


def study_costs(
    study: PlainStudy, calibration_of: Callable[[str], Calibration], there: Available | None = None
) -> list[Cost]:
    """Return the costs of all rules; ``calibration_of(run)`` gives the measurements of a run's configuration, and
    ``keep: auto`` looks at what is ``there``.
    """
    results, names = Path(study["results"]), run_names(study)
    found = runs_costs(study, [*names, *planted_runs(study)], calibration_of, there)
    runs = {run: found[run] for run in names}
    copies = [found[run] for run in planted_runs(study)]
    costs = _data_costs(study, results)
    steps = least_sure(cost.measured.source for cost in runs.values())
    scored = {
        label: least_sure(cost.measured.methods[label].source for cost in runs.values())
        for label in study["methods"]
    }
    trained = _sum("train_model", results, [[cost.train()] for cost in (*runs.values(), *copies)], steps)
    costs.append(_holding(trained, [cost.holds() for cost in runs.values()]))
    for place, (label, source) in enumerate(scored.items()):
        shared = place > 0 and "scores" in study["together"]  # the job of the first method
        jobs = [[cost.score(label, starts=not shared)] for cost in (*runs.values(), *copies)]
        scores = _sum(f"{SCORES}{label}", results, jobs, source)
        scores = replace(scores, jobs=0) if shared else scores
        costs.append(_holding(scores, [cost.holds(label) for cost in runs.values()]))
    for name, spec in design_specs(study["counterfactual"]).items():
        section = study["counterfactual"]
        jobs = [cost.retrain(spec, int(section["batch"]), draws(section, spec)) for cost in runs.values()]
        costs.append(_sum(f"retrain_without: {name}", results, jobs, steps))
    costs += _retraining_costs(study, results, list(runs.values()), steps)
    costs += _trace_costs(study, results, list(runs.values()), steps, scored)
    return costs + _light_costs(study, results)


def _retraining_costs(study: PlainStudy, results: Path, runs: list[RunCosts], source: str) -> list[Cost]:
    """Removal curves, flips and smoothness, where the study has them."""
    jobs: dict[str, list[list[Job]]] = {}
    if removal_labels(study):
        jobs["retrain_subsets"] = [
            [run.subsets(study["removal"]) for _ in removal_labels(study)] for run in runs
        ]
    if brittleness_labels(study):
        jobs["find_flips"] = [
            [run.flips(study["brittleness"]) for _ in brittleness_labels(study)] for run in runs
        ]
    if Artifacts(study).exact:
        trainings = int(study["smoothness"]["groups"]) * len(all_steps(study["smoothness"]["steps"]))
        jobs["measure_smoothness"] = [[run.trainings(trainings, 8.0 * 5)] for run in runs]
    if planted_runs(study) and study["audit"]["decisions"]:
        trainings = len(FORMS) * int(study["audit"]["seeds"])
        jobs["prove_decisions"] = [[runs[0].trainings(trainings, 8.0 * 6)]]
    return [_sum(rule, results, own, source) for rule, own in jobs.items()]


def _trace_costs(
    study: PlainStudy, results: Path, runs: list[RunCosts], steps: str, scored: Mapping[str, str]
) -> list[Cost]:
    """Scores at the ends of epochs, and the hypergradients carried forward."""
    labels, trace = trace_labels(study), study["trace"]
    if not labels:
        return []
    jobs = [[run.traced(label, trace) for label in labels] for run in runs]
    costs = [_sum("trace_scores", results, jobs, least_sure(scored[one] for one in labels))]
    if trace["tracked"]:
        # Forward with the Hessian costs about two trainings for each sample.
        jobs = [[run.trainings(2 * int(trace["tracked"]), 0.0)] for run in runs]
        costs.append(_sum("measure_approximation", results, jobs, steps))
    return costs


def wall_seconds(costs: list[Cost], cores: int) -> float:
    """Return a time for the whole study: the work shared among the cores, but not less than its longest chain."""
    phases: dict[str, float] = {}
    for cost in costs:
        rule = cost.rule.split(":")[0]
        phase = "re-train" if rule in RETRAINING else rule.split("_")[0]
        if cost.rule.startswith(SCORES) and not cost.jobs:  # in the job of the line before
            phases[phase] += cost.longest
        else:
            phases[phase] = max(phases.get(phase, 0.0), cost.longest)
    return max(sum(cost.seconds for cost in costs) / max(1, cores), sum(phases.values()))


def require_space(costs: list[Cost], already: float = 0.0) -> None:
    """Raise :class:`StudyError`, with the numbers, where the disk that a folder is on has too little space.

    ``already`` bytes of it are there from an earlier run.
    """
    needed: dict[int, list[Cost]] = {}
    for cost in costs:
        needed.setdefault(existing(cost.folder).stat().st_dev, []).append(cost)
    for parts in needed.values():
        largest = sorted(parts, key=lambda cost: -cost.disk)[:3]
        folder = existing(largest[0].folder)
        free, total = shutil.disk_usage(folder).free, max(0.0, sum(c.disk for c in parts) - already)
        if total > free:
            raise StudyError(
                f"the study takes {format_bytes(total)} more, and the disk of {folder.resolve()} has "
                f"{format_bytes(free)} free ("
                + ", ".join(f"{cost.rule} {format_bytes(cost.disk)}" for cost in largest)
                + ")",
                fix="keep fewer states (trajectory.keep: sqrt, or a budget), or set results to another disk",
            )


def _data_costs(study: PlainStudy, results: Path) -> list[Cost]:
    """Fetching, splits and labels: bytes are known from the datasets' shapes, seconds are typical."""
    data = [run_settings(study, run).data for run in run_names(study)]
    datasets = {(of_run.name, of_run.folder) for of_run in data if not described_by(of_run.name)}
    costs = []
    for name, folder in sorted(datasets):
        entry = dataset(name)
        size = sum(entry.parts.values()) * (entry.numbers + 1.0) if entry.fetched else 1e4
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
    rows = [sizes_of(of_run) for of_run in data]
    for rule, size in (("split_data", 25.0), ("noise_labels", 12.0)):
        disk = size * sum(sum(row.values()) for row in rows)
        seconds = LIGHT_SECONDS * len(data)
        costs.append(Cost(rule, len(data), disk, LIGHT_MEMORY, seconds, LIGHT_SECONDS, results, "typical"))
    return costs


def _light_costs(study: PlainStudy, results: Path) -> list[Cost]:
    """Tables, figures and pages: seconds each, but for tables that say how long they take."""
    tables = plan_tables(study)
    figures = plan_figures(study, tables)
    small = SMALL | (OF_EXPLORER if explored_runs(study) else {}) | (OF_AUDIT if planted_runs(study) else {})
    small |= OF_DECISIONS if planted_runs(study) and study["audit"]["decisions"] else {}
    light = [(rule, 1, disk, LIGHT_SECONDS) for rule, disk in small.items()]
    copies = len(planted_runs(study))
    light += [(rule, copies, disk, LIGHT_SECONDS) for rule, disk in OF_COPIES.items() if copies]
    light += [
        (table.rule, 1, TABLE_DISK, LIGHT_SECONDS + table.seconds)
        for table in tables.values()
        if table.target == "all"
    ]
    drawn = [name for name, figure in figures.items() if figure.target == "all"]
    light.append(("plot_figure", len(drawn), FIGURE_DISK, LIGHT_SECONDS))
    return [
        Cost(rule, jobs, jobs * disk, LIGHT_MEMORY, jobs * seconds, seconds, results, "typical")
        for rule, jobs, disk, seconds in light
    ]


def least_sure(sources: Iterable[str]) -> str:
    """Return the source that says least: nominal before scaled before measured.

    >>> least_sure(["measured", "nominal"])
    'nominal'
    """
    return min(
        sources, key=lambda source: ("nominal", "scaled", "measured").index(source.split()[0].strip(";"))
    )


def _sum(rule: str, folder: Path, per_run: list[list[Job]], note: str) -> Cost:
    jobs = [job for run in per_run for job in run]
    seconds, disk, memory = zip(*jobs, strict=True) if jobs else ((0.0,), (0.0,), (0.0,))
    return Cost(rule, len(jobs), sum(disk), max(memory), sum(seconds), max(seconds), folder, note)


def _holding(cost: Cost, of_runs: Iterable[Held]) -> Cost:
    """Return a line with the most that one of its jobs is sure to hold."""
    return replace(cost, held=max(of_runs, key=lambda held: held.bytes, default=Held()))
