"""Scores of a run in one job: fewer starts of Python, and the bytes of a job for each."""

from __future__ import annotations

from hydra_steps.scoring.store import read_scores
from tests.workflow.conftest import STUDY, Tree, planned_jobs

RUNS = ("base-seed0", "base-seed1")
METHODS = ("hydra_exact", "influence_cg", "random")


def test_one_job_scores_by_every_method(study: Tree, tree: Tree) -> None:
    tree.edit(STUDY, lambda text: text + "together: [scores]\n")
    target = "results/test/tables/agreement.csv"
    assert tree.planned(target)["score_samples"] == len(RUNS)
    tree.run(target, "--cores", "2")
    for run in RUNS:
        one, each = (home.results / "runs" / run / "scores" for home in (tree, study))
        for method in METHODS:
            found, expected = read_scores(one / method), read_scores(each / method)
            assert found.contribution.tobytes() == expected.contribution.tobytes()
            assert found.attributes["peak_memory_bytes"] > 1e6
    assert (tree.folder / target).read_bytes() == (study.folder / target).read_bytes()
    assert (tree.results / "logs/score_samples/base-seed0.log").is_file()
    assert "Nothing to be done" in tree.run(target, "--cores", "1")

    other = tree.results / "runs/base-seed0/scores/random"
    (other / "manifest.json").write_text("{}", encoding="utf-8")
    said = tree.run(target, "--dry-run")
    assert "results/test/runs/base-seed0/scores/random (it was changed after score_samples wrote it)" in said
    assert planned_jobs(said)["score_samples"] == 1

    tree.edit(STUDY, lambda text: text.replace("damping: 0.01", "damping: 0.1"))
    said = tree.run(target, "--dry-run")
    assert planned_jobs(said)["score_samples"] == len(RUNS)
    assert "Score base-seed0 by every method" in said
