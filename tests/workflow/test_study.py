"""A whole study: what it makes, that it is done once, and that it is the same every time."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import time
from contextlib import suppress

import psutil
import yaml

from hydra_steps.job_environment import ENVIRONMENT as JOB_ENVIRONMENT
from hydra_steps.registry import find
from tests.helpers.warm_snakemake import run_snakemake
from tests.workflow.conftest import ENVIRONMENT, Tree

TABLES = (
    "advice",
    "agreement",
    "brittleness",
    "contributions",
    "counterfactual",
    "counterfactual_points",
    "detection",
    "noise",
    "removal",
    "smoothness",
    "training",
)
FIGURES = (
    "agreement",
    "brittleness",
    "contributions",
    "counterfactual",
    "detection",
    "noise",
    "prediction",
    "removal",
    "training",
)
# What rests on every training and every score, and makes no other jobs necessary.
UP_TO_SCORES = [
    f"results/test/{file}"
    for file in ("tables/agreement.csv", "tables/detection.csv", "figures/detection.svg")
]


def test_the_study_makes_every_output(study: Tree) -> None:
    made = study.contents("tables", "figures")
    assert {f"tables/{name}.csv" for name in (*TABLES, "queries", "statuses", "timing", "jobs")} | {
        f"figures/{name}.{suffix}" for name in FIGURES for suffix in ("svg", "pdf", "png")
    } == set(made)
    assert all(made.values())
    for run in ("base-seed0", "base-seed1"):
        folder = study.results / "runs" / run
        for part in ("trajectory", "scores/hydra_exact", "counterfactual/groups/0"):
            assert (folder / part / "manifest.json").is_file()
            assert (folder / part / "store.zarr" / "zarr.json").is_file()
        rows = list(csv.DictReader((folder / "labels.csv").open()))
        assert list(rows[0]) == ["index", "label", "clean_label", "is_noisy"]
        assert sum(row["is_noisy"] == "1" for row in rows) == round(0.2 * len(rows))
        said = (study.results / "logs" / "train_model" / f"{run}.log").read_text()
        assert "epoch 2/2: training loss" in said
    resolved = yaml.safe_load((study.results / "config.yaml").read_text())
    assert resolved["training"]["optimizer"]["dampening"] == 0
    page = (study.results / "report.html").read_text(encoding="utf-8")
    assert "<html" in page
    assert page.rstrip().endswith("</html>")


def test_every_table_carries_seeds_and_their_spread(study: Tree) -> None:
    for name in set(TABLES) - {"counterfactual_points"}:
        rows = list(csv.DictReader((study.results / f"tables/{name}.csv").open()))
        assert {row["seed"] for row in rows} == {"0", "1", "all"}, name
        assert any(row["sd_seeds"] for row in rows if row["seed"] == "all"), name


def test_a_second_run_has_nothing_to_do(finished: Tree) -> None:
    assert "Nothing to be done" in finished.run("--cores", "2")


def test_the_resolved_configuration_gives_the_same_study(study: Tree) -> None:
    assert "Nothing to be done" in study.run("--dry-run", study="results/test/config.yaml")


def test_a_plan_names_every_job_and_does_nothing(tree: Tree) -> None:
    planned = tree.planned()
    assert planned["train_model"] == planned["split_data"] == planned["noise_labels"] == 2
    assert planned["retrain_without"] == 4
    assert planned["score_samples"] == 2 * len(
        yaml.safe_load((tree.folder / "config/test.yaml").read_text())["methods"]
    )
    assert planned["write_report"] == 1
    assert not (tree.folder / "results").exists()
    assert not (tree.folder / "data").exists()


def test_without_a_configuration_it_is_the_quick_study(tree: Tree) -> None:
    code, said = run_snakemake(["--dry-run"], tree.folder, ENVIRONMENT)
    assert code == 0
    assert "results/quickstart/report.html" in said


def test_a_killed_run_continues_to_the_same_bytes_on_one_core(study: Tree, tree: Tree) -> None:
    """Killed with all its jobs while it trains and scores; then finished with one core where the other had two."""
    began = subprocess.Popen(
        tree.command(*UP_TO_SCORES, "--cores", "2"),
        cwd=tree.folder,
        env=ENVIRONMENT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 300
    environments: list[dict[str, str]] = []
    # With two jobs at a time, three scores on the disk mean that at least one is finished.
    while len(list(tree.results.glob("runs/*/scores/*/manifest.json"))) < 3:
        assert began.poll() is None
        assert time.monotonic() < deadline
        environments += environments_of(psutil.Process(began.pid))
        time.sleep(0.1)
    os.killpg(began.pid, signal.SIGKILL)
    began.wait()
    assert environments
    assert all(one.items() >= JOB_ENVIRONMENT.items() for one in environments)
    assert not any((tree.folder / target).exists() for target in UP_TO_SCORES)
    planned = tree.planned(*UP_TO_SCORES)
    assert "noise_labels" not in planned
    assert planned["score_samples"] < 6  # of two runs, by three methods

    tree.run(*UP_TO_SCORES, "--cores", "1")
    made = [
        tree.results / "runs" / run / "trajectory" / "manifest.json" for run in ("base-seed0", "base-seed1")
    ]
    made += [tree.folder / target for target in UP_TO_SCORES]
    expected = [study.folder / path.relative_to(tree.folder) for path in made]
    assert [a for a, b in zip(made, expected, strict=True) if a.read_bytes() != b.read_bytes()] == []
    assert "Nothing to be done" in tree.run(*UP_TO_SCORES, "--cores", "1")


def environments_of(snakemake: psutil.Process) -> list[dict[str, str]]:
    """Return what the scripts that run now began with."""
    found = []
    for child in snakemake.children(recursive=True):
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if any(".snakemake/scripts/" in part for part in child.cmdline()[1:2]):
                found.append(child.environ())
    return found


def test_snakemakes_own_report_has_every_figure_with_its_caption(finished: Tree) -> None:
    finished.run("--report", "snakemake.html")
    page = (finished.folder / "snakemake.html").read_text(encoding="utf-8")
    for figure in FIGURES:
        assert f"figures/{figure}.svg" in page
        # The first words of a caption that depend on no study: a line's beginning, before any brace or star.
        starts = [re.split(r"[{*]", line)[0] for line in find("figure", figure).text.splitlines()]
        words = next(start for start in starts if len(start) > 30 and "}" not in start)
        assert words[:30] in page
    for category in ("Report", "Tables"):
        assert f'"{category}"' in page
