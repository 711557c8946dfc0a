"""What an earlier form of a study left is told from what the study makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hydra_steps.config import resolve_study
from hydra_steps.config.runs import PlainStudy
from hydra_steps.plan.artifacts import Artifacts
from hydra_steps.plan.figures import plan_figures
from hydra_steps.plan.left_over import NAMED, left_over, left_over_sentence
from hydra_steps.plan.tables import plan_tables

FULL: dict[str, Any] = {
    "study": "s",
    "seeds": [0],
    "data": {"name": "digits", "train": 150},
    "model": {"name": "mlp", "hidden": [8]},
    "methods": {"hydra_exact": {}, "knn_disagreement": {}, "random": {}},
    "counterfactual": {"groups": 8, "fraction": 0.04, "batch": 4},
    "removal": {"fractions": [0.3], "methods": ["hydra_exact"], "controls": []},
    "brittleness": {"queries": ["test_sample_0"], "methods": ["hydra_exact"]},
    "trace": {"epochs": [1, 2], "methods": ["hydra_exact"], "tracked": 2},
    "clustering": {"algorithms": ["kmeans"], "methods": ["hydra_exact"]},
    "training": {"epochs": 2, "batch_size": 32},
    "queries": [
        {"kind": "mean_loss", "split": "test"},
        {"kind": "mean_loss", "split": "validation"},
        {"kind": "sample_loss", "split": "test", "count": 3},
    ],
    "explorer": {"top": 3},
    "variants": {"calm": {"noise": {"rate": 0.2}}, "slow": {"noise": {"rate": 0.3}}},
}
FOLDERS = {"trajectory", "scores", "counterfactual", "removal", "brittleness", "epochs"}


def found(study: PlainStudy) -> list[str]:
    tables = plan_tables(study)
    return left_over(study, tables, plan_figures(study, tables))


def changed(folder: Path, **settings: Any) -> PlainStudy:
    return resolve_study({**FULL, "results": str(folder), **settings})


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """The outputs of the full study, its timing study included, all empty; with working files beside them."""
    study = changed(tmp_path)
    tables, artifacts = plan_tables(study), Artifacts(study)
    figures = plan_figures(study, tables)
    paths = [path for table in tables.values() for path in table.outputs.values()]
    paths += [path for figure in figures.values() for path in figure.files]
    paths += [*artifacts.measured(), f"{artifacts.out}/explorer.html", f"{artifacts.out}/tables/speed.md"]
    names = ("splits.csv", "labels.csv", "predictions.csv", "timing/seconds.csv")
    paths += [path for name in names for path in artifacts.of_runs(name, artifacts.runs)]
    paths += artifacts.of_runs("counterfactual/.bank/a.json", artifacts.runs)
    paths += artifacts.of_runs("trajectory.partial", artifacts.runs)
    paths += [
        f"{artifacts.out}/{name}" for name in ("config.yaml", "report.html", "logs/other/x.log", ".lock")
    ]
    for path in map(Path, paths):
        folder = not path.suffix and path.name != ".lock"
        (path if folder else path.parent).mkdir(parents=True, exist_ok=True)
        (path / "manifest.json" if folder else path).touch()
    return tmp_path


def test_nothing_is_left_over_in_the_study_that_made_it(finished: Path) -> None:
    run = finished / "s" / "runs" / "calm-seed0"
    assert {part.name for part in run.iterdir() if part.is_dir()} >= FOLDERS
    assert found(changed(finished)) == []


def test_nothing_is_left_over_where_nothing_is(tmp_path: Path) -> None:
    assert found(changed(tmp_path)) == []


def test_formats_that_are_no_longer_drawn_are_left_over(finished: Path) -> None:
    left = found(changed(finished, figures={"formats": ["svg"]}))
    assert "figures/detection.pdf" in left
    drawn = sorted(path.name for path in (finished / "s/figures").iterdir() if path.suffix != ".svg")
    assert left == [f"figures/{name}" for name in drawn]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"removal": {}}, {"tables/removal.csv", "figures/removal.svg", "runs/calm-seed0/removal/"}),
        ({"brittleness": {}}, {"tables/brittleness.csv", "runs/slow-seed0/brittleness/"}),
        ({"clustering": {}}, {"tables/clustering.csv", "figures/clustering.pdf"}),
        (
            {"trace": {}},
            {"tables/stability.csv", "runs/calm-seed0/epochs/", "runs/calm-seed0/approximation.csv"},
        ),
        ({"explorer": {}}, {"explorer.html", "runs/calm-seed0/predictions.csv"}),
        (
            {"methods": {"hydra_exact": {}, "random": {}}},
            {"runs/calm-seed0/scores/knn_disagreement/", "runs/slow-seed0/scores/knn_disagreement/"},
        ),
        ({"variants": {"calm": {}}}, {"runs/slow-seed0/"}),
        ({"seeds": [1]}, {"runs/calm-seed0/", "runs/slow-seed0/"}),
        (
            {"counterfactual": {"groups": 4, "fraction": 0.04, "batch": 4}},
            {"runs/calm-seed0/counterfactual/groups/1/", "runs/slow-seed0/counterfactual/groups/1/"},
        ),
    ],
)
def test_what_a_change_no_longer_makes_is_left_over(
    settings: dict[str, Any], expected: set[str], finished: Path
) -> None:
    before = sorted(finished.rglob("*"))
    left = found(changed(finished, **settings))
    assert expected <= set(left)
    assert all((finished / "s" / path).exists() for path in left)
    assert not any("trajectory" in path or "hydra_exact" in path for path in left)
    assert sorted(finished.rglob("*")) == before


def test_a_file_from_elsewhere_is_left_over(finished: Path) -> None:
    (finished / "s/tables/Eigene Zahlen.csv").touch()
    assert found(changed(finished)) == ["tables/Eigene Zahlen.csv"]


def test_the_sentence_names_some_and_counts_the_others() -> None:
    assert left_over_sentence([]) == ""
    assert left_over_sentence(["figures/a.pdf", "runs/b/"]).startswith(
        "Not of this study as it is now: figures/a.pdf, runs/b/. "
    )
    many = left_over_sentence([f"tables/{i}.csv" for i in range(NAMED + 1000)])
    assert f"tables/{NAMED - 1}.csv, and 1,000 more. " in many
    assert f"tables/{NAMED}.csv" not in many
