"""A run names at its end what lies among the results and is none of them, and leaves it there."""

from __future__ import annotations

from tests.workflow.conftest import Tree

SENTENCE = "Not of this study as it is now: figures/detection.eps, runs/base-seed0/scores/tracin/. "


def test_the_end_of_a_run_names_what_is_left_over(tree: Tree) -> None:
    target = "results/test/config.yaml"
    assert "Not of this study" not in tree.run(target, "--cores", "1")
    picture, scores = tree.results / "figures/detection.eps", tree.results / "runs/base-seed0/scores/tracin"
    picture.parent.mkdir()
    picture.write_text("old")
    scores.mkdir(parents=True)
    assert SENTENCE in tree.run(target, "--forcerun", "save_study", "--cores", "1")
    assert picture.read_text() == "old"
    assert scores.is_dir()
