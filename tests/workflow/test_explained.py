"""What a study has to ask for: clusters, pictures, the course along the training, verdicts on the claims."""

from __future__ import annotations

import pandas as pd

from tests.workflow.conftest import Tree

STUDY = "config/test_explain.yaml"
ASKED = ("approximation", "claims", "class_contributions", "clustering", "embedding", "extremes", "stability")


def test_what_a_study_asks_for_is_made_once_and_reported(tree: Tree) -> None:
    tree.results = tree.folder / "results" / "test_explain"
    tree.run("--cores", "2", study=STUDY)
    made = tree.contents("tables", "figures")
    assert {f"{folder}/{name}" for name in ASKED for folder in ("tables", "figures")} <= {
        name.rpartition(".")[0] for name in made
    }
    page = (tree.results / "report.html").read_text(encoding="utf-8")
    claims = pd.read_csv(tree.results / "tables" / "claims.csv")
    summed_up = claims[claims["against"] == "all"]
    assert len(summed_up) >= 4
    for row in summed_up.to_dict("records"):
        assert f"Claim {row['claim']}. {row['statement']}: {row['verdict']}." in page
    assert "Nothing to be done" in tree.run("--dry-run", study=STUDY)
    approximation = pd.read_csv(tree.results / "tables" / "approximation.csv")
    bounds = approximation[approximation["seed"] == "0"].pivot_table(
        index="epoch", columns="metric", values="value"
    )
    assert (bounds["hypergradient_distance"] <= bounds["bound_measured"]).all()
    assert (bounds["bound_measured"] <= bounds["bound"] * (1 + 1e-6)).all()
