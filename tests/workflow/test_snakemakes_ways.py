"""Snakemake's own options do what they say, with records beside the outputs."""

from __future__ import annotations

import pytest

from tests.workflow.conftest import STUDY, Tree


@pytest.mark.parametrize(
    ("options", "jobs"),
    [
        (["--forceall"], {"train_model": 2, "score_samples": 6, "save_study": 1}),
        (["--forcerun", "score_samples"], {"score_samples": 6, "write_report": 1}),
        (["--forcerun", "results/test/tables/noise.csv"], {"evaluate_noise": 1, "plot_noise": 1}),
        (["--forceall", "--until", "noise_labels"], {"noise_labels": 2, "split_data": 2}),
        (["--forceall", "--omit-from", "train_model"], {"noise_labels": 2}),
        (["--batch", "all=1/2"], {}),  # which is finished
    ],
)
def test_what_is_asked_for_is_planned(study: Tree, options: list[str], jobs: dict[str, int]) -> None:
    planned = study.planned(*options)
    assert jobs.items() <= planned.items()
    assert bool(jobs) == bool(planned)
    if "--until" in options or "--omit-from" in options:
        assert "train_model" not in planned


def test_touching_leaves_nothing_to_be_done_and_the_bytes_as_they_are(finished: Tree) -> None:
    before = finished.contents("tables", "figures", "runs")
    finished.run("--touch", "--cores", "1")
    assert finished.contents("tables", "figures", "runs") == before
    assert finished.planned() == {}


def test_touching_makes_nothing_stale_this_studys_own(finished: Tree) -> None:
    finished.edit(STUDY, lambda text: text.replace("rate: 0.2", "rate: 0.3"))
    finished.run("--touch", "--cores", "1")
    assert finished.planned()["noise_labels"] == 2


@pytest.mark.parametrize("option", [["--unlock"], ["--report", "report.html"], ["--summary"], ["--lint"]])
def test_looking_at_a_study_changes_nothing(finished: Tree, option: list[str]) -> None:
    before = finished.contents("tables", "runs")
    assert "Traceback" not in finished.run(*option)
    assert finished.contents("tables", "runs") == before
    assert finished.planned() == {}
