"""A whole study in this process: the functions that its jobs call, with what the rules give them, and no job started.

For tests of what a study says. That Snakemake calls them so is tested in tests/workflow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from hydra_steps.config import load_study, run_names, save_study
from hydra_steps.config.descriptions import described_by
from hydra_steps.config.run import Run
from hydra_steps.config.runs import PlainStudy, explored_runs, run_config, run_settings
from hydra_steps.config.study import Method
from hydra_steps.config.target_checks import study_classes, study_targets
from hydra_steps.counterfactual.retraining import retrain_without
from hydra_steps.counterfactual.smoothness import measure_smoothness
from hydra_steps.counterfactual.subsets import retrain_subsets
from hydra_steps.data import fetch_data, noise_labels, split_data
from hydra_steps.evaluation.evaluate import evaluate
from hydra_steps.explorer.write_explorer import write_explorer
from hydra_steps.figures.draw import draw_figure
from hydra_steps.figures.style import Style
from hydra_steps.plan.artifacts import Artifacts
from hydra_steps.plan.contents import data_content
from hydra_steps.plan.figures import plan_figures
from hydra_steps.plan.steps import batch_settings, design_settings, noise_settings, split_settings
from hydra_steps.plan.tables import PlannedTable, plan_tables
from hydra_steps.queries.expansion import splits_by_class
from hydra_steps.report.write_report import write_report
from hydra_steps.scoring.score_samples import score_samples
from hydra_steps.trajectory.predictions import predict_samples
from hydra_steps.trajectory.training import train_model

CLOCKED = ("jobs",)  # a table of what Snakemake measured of the jobs


def make_study(file: Path) -> Path:
    """Make a study of random groups in one batch, in the working directory; return the folder of its outputs."""
    study = load_study(file)
    out = Path(Artifacts(study).out)
    save_study(study, out / "config.yaml")
    for run in run_names(study):
        _prepare(study, run, out / "runs" / run)
        _train_and_score(study, run, out / "runs" / run)
    tables = {
        name: table
        for name, table in plan_tables(study).items()
        if name not in CLOCKED and table.target == "all"
    }
    _evaluate(tables)
    write_pages(study, tables)
    if explored := [out / "runs" / run for run in explored_runs(study)]:
        write_explorer(
            config=out / "config.yaml",
            splits=[run / "splits.csv" for run in explored],
            labels=[run / "labels.csv" for run in explored],
            predictions=[run / "predictions.csv" for run in explored],
            scores=[run / "scores" / label for run in explored for label in study["methods"]],
            output=out / "explorer.html",
        )
    return out


def write_pages(study: PlainStudy, tables: Mapping[str, PlannedTable], *drawn: str) -> None:
    """Draw figures from these tables, those ``drawn`` or all, and write the report of them."""
    out = Path(Artifacts(study).out)
    looks = study["figures"] | {"asks": study_targets(study), "classes": study_classes(study)}
    style = Style.of({key: value for key, value in looks.items() if key != "formats"})
    methods = {label: options["method"] for label, options in study["methods"].items()}
    planned = plan_figures(study, tables)
    figures = {name: planned[name] for name in drawn or planned}
    (out / "figures").mkdir(exist_ok=True)
    for name, figure in figures.items():
        draw_figure(name, figure.inputs, figure.files, methods, style)
    write_report(
        config=out / "config.yaml",
        tables=[file for table in tables.values() for file in table.files],
        figures=[file for figure in figures.values() for file in figure.files],
        output=out / "report.html",
    )


def _prepare(study: PlainStudy, run: str, home: Path) -> None:
    """Read the data, and draw splits and labels."""
    home.mkdir(parents=True)
    data, by_class = run_config(study, run)["data"], splits_by_class(study["queries"])
    name, folder = data["name"], Path(data["folder"])
    if not described_by(name):
        manifest = folder / name / "manifest.json"
        fetch_data(name=name, folder=folder, planned=data_content(name, str(folder)), output=manifest)
    split_data(**split_settings(study, run), every_class=by_class, output=home / "splits.csv")
    noise = noise_settings(study, run)
    noise_labels(
        splits_csv=home / "splits.csv", **noise, every_class="train" in by_class, output=home / "labels.csv"
    )


def _train_and_score(study: PlainStudy, run: str, home: Path) -> None:
    """Train, score by every method, and train again as the study asks."""
    queries, removal = study["queries"], study["removal"]
    read = {"splits": home / "splits.csv", "labels": home / "labels.csv"}
    train_model(settings=run_settings(study, run), **read, output=home / "trajectory")
    read["trajectory"] = home / "trajectory"
    predict_samples(**read, output=home / "predictions.csv")
    for label, options in study["methods"].items():
        methods, outputs = {label: Method.of(options)}, [home / "scores" / label]
        score_samples(methods=methods, queries=queries, **read, outputs=outputs, by_epoch=False)
    if exact := Artifacts(study).exact:
        asked = {"queries": queries, "options": study["smoothness"]}
        measure_smoothness(**read, scores=home / "scores" / exact, **asked, output=home / "smoothness.csv")
    retrain_without(
        **read,
        queries=queries,
        name="groups",
        design=design_settings(study, "groups"),
        **batch_settings(study, "groups", 0),
        output=home / "counterfactual" / "groups" / "0",
    )
    of_all = {key: removal[key] for key in ("query", "fractions", "sides", "seeds", "empty_class")}
    for label in removal["methods"] if removal["fractions"] else ():
        output = home / "removal" / label
        retrain_subsets(**read, label=label, **of_all, output=output, scores=home / "scores" / label)


def _evaluate(tables: dict[str, PlannedTable]) -> None:
    """Make tables, each after those that it reads."""
    waiting = list(tables.values())
    while waiting:
        table = waiting.pop(0)
        if any(_reads(table)(other) for other in waiting):
            waiting.append(table)
            continue
        runs = {name: Run(*parts) for name, parts in table.runs.items()}
        evaluate(table.name, table.inputs, table.outputs, table.options, runs)


def _reads(table: PlannedTable) -> Callable[[PlannedTable], bool]:
    """Whether a table reads another one."""
    return lambda other: any(
        path in other.outputs.values() for path in table.inputs.values() if isinstance(path, str)
    )
