"""What a study has to ask for (clusters, picture, classes, extremes, the course along the training, verdicts on the
claims): made once, reported, and made again when its options change."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pandas as pd
import pytest

from hydra_steps.config import load_study, save_study
from hydra_steps.plan.tables import plan_tables
from tests.helpers.one_process import write_pages
from tests.workflow.conftest import ROOT, Tree, copy_tree
from tests.workflow.conftest import STUDY as PLAIN

STUDY = "config/test_explain.yaml"
ASKED = ("approximation", "claims", "class_contributions", "clustering", "embedding", "extremes", "stability")
WITH_METHODS = ("clustering", "embedding", "class_contributions", "extremes")
DRAWN = ("clustering", "embedding", "extremes")
TARGETS = [f"results/test_explain/tables/{name}.csv" for name in ASKED]
TARGETS += [f"results/test_explain/figures/{name}.png" for name in DRAWN]


@pytest.fixture(scope="module")
def explained(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """All of it that a study makes, and three of its figures; no other tables than those that it rests on."""
    tree = copy_tree(tmp_path_factory.mktemp("explained") / "tree")
    tree.results = tree.folder / "results" / "test_explain"
    tree.run(*TARGETS, "--cores", "2", study=STUDY)
    return tree


def test_what_a_study_asks_for_is_made_once(explained: Tree) -> None:
    made = explained.contents("tables", "figures")
    assert {Path(target).relative_to("results/test_explain").as_posix() for target in TARGETS} <= set(made)
    for name in WITH_METHODS:
        rows = list(csv.DictReader((explained.results / f"tables/{name}.csv").open()))
        assert {"hydra_hessian_free", "random"} <= {row["method"] for row in rows}
    assert all(content.startswith(b"\x89PNG") for name, content in made.items() if name.endswith(".png"))
    assert explained.planned(*TARGETS, study=STUDY) == {}


def test_each_is_drawn_and_each_claim_reported_with_its_verdict(
    explained: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "results" / "test_explain"
    shutil.copytree(explained.results / "tables", results / "tables")
    monkeypatch.chdir(tmp_path)
    study = load_study(explained.folder / STUDY)
    save_study(study, results / "config.yaml")
    there = {name: table for name, table in plan_tables(study).items() if Path(table.files[0]).exists()}
    write_pages(study, there, *ASKED)
    page = (results / "report.html").read_text(encoding="utf-8")
    assert {path.stem for path in (results / "figures").iterdir()} == set(ASKED)
    claims = pd.read_csv(explained.results / "tables" / "claims.csv")
    summed_up = claims[claims["against"] == "all"]
    assert len(summed_up) >= 4
    for row in summed_up.to_dict("records"):
        assert f"Claim {row['claim']}. {row['statement']}: {row['verdict']}." in page


def test_the_bounds_of_the_approximation_hold(explained: Tree) -> None:
    approximation = pd.read_csv(explained.results / "tables" / "approximation.csv")
    bounds = approximation[approximation["seed"] == "0"].pivot_table(
        index="epoch", columns="metric", values="value"
    )
    assert (bounds["hypergradient_distance"] <= bounds["bound_measured"]).all()
    assert (bounds["bound_measured"] <= bounds["bound"] * (1 + 1e-6)).all()


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("per_class: 10", "per_class: 9", "clustering"),
        ("count: 2}", "count: 1}", "extremes"),
        ("perplexity: 10", "perplexity: 5", "embedding"),
    ],
)
def test_an_option_that_changes_makes_its_table_and_figure_again(
    explained: Tree, old: str, new: str, name: str
) -> None:
    explained.edit(STUDY, lambda text: text.replace(old, new))
    planned = set(explained.planned(*TARGETS, study=STUDY))
    explained.edit(STUDY, lambda text: text.replace(new, old))
    assert planned == {f"evaluate_{name}", f"plot_{name}"}


def test_a_study_without_the_sections_has_none_of_it() -> None:
    assert not set(ASKED) & set(plan_tables(load_study(ROOT / PLAIN)))
