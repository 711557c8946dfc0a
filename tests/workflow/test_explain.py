"""Clusters, picture, classes and extremes: made where a study asks, and made again when their options change."""

from __future__ import annotations

import csv

from tests.workflow.conftest import Tree

STUDY = "config/test_explain.yaml"
SECTIONS = ("clustering", "embedding", "class_contributions", "extremes")
TABLES = [f"results/test_explain/tables/{name}.csv" for name in SECTIONS]
FIGURES = [f"results/test_explain/figures/{name}.png" for name in SECTIONS]


def planned(tree: Tree) -> set[str]:
    """Return the rules that a run of the tables and figures would do."""
    return set(tree.planned(*TABLES, *FIGURES, study=STUDY))


def test_they_are_made_and_made_again_when_an_option_changes(tree: Tree) -> None:
    tree.run("--cores", "2", *TABLES, *FIGURES, study=STUDY)
    for table in TABLES:
        rows = list(csv.DictReader((tree.folder / table).open()))
        assert {"hydra_hessian_free", "random"} <= {row["method"] for row in rows}
    assert all((tree.folder / figure).read_bytes().startswith(b"\x89PNG") for figure in FIGURES)
    assert planned(tree) == set()
    for old, new, rules in (
        ("per_class: 10", "per_class: 9", {"evaluate_clustering", "plot_clustering"}),
        ("count: 2}", "count: 1}", {"evaluate_extremes", "plot_extremes"}),
        ("perplexity: 10", "perplexity: 5", {"evaluate_embedding", "plot_embedding"}),
    ):
        tree.edit(STUDY, lambda text, old=old, new=new: text.replace(old, new))
        assert planned(tree) == rules
        tree.edit(STUDY, lambda text, old=old, new=new: text.replace(new, old))


def test_a_study_without_the_sections_has_none_of_it(tree: Tree) -> None:
    rules = {"evaluate_clustering", "evaluate_embedding", "evaluate_class_contributions", "evaluate_extremes"}
    assert rules.isdisjoint(tree.planned())
