"""What is kept of a study beside the code, and the table of claims made from it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from hydra_steps.errors import StudyError
from hydra_steps.evaluation.claims import COLUMNS
from tools import marks, verdicts
from tools.reference import SMALL, keep_reference


@pytest.fixture
def results(tmp_path):
    for name, text in {
        "config.yaml": "study: s\n",
        "tables/claims.csv": "claim\n",
        "tables/contributions.csv": "x" * (SMALL + 1),
        "figures/claims.png": "p",
        "figures/claims.svg": "s",
        "figures/noise.png": "p",
        "runs/base-seed0/labels.csv": "l",
    }.items():
        path = tmp_path / "results" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "results"


def test_the_small_files_are_copied_and_the_readme_stays(results, tmp_path):
    target = tmp_path / "reference"
    (target / "tables").mkdir(parents=True)
    (target / "README.md").write_text("by hand")
    (target / "tables" / "old.csv").write_text("gone")
    copied = {path.relative_to(target).as_posix() for path in keep_reference(results, target, ["claims"])}
    assert copied == {"config.yaml", "tables/claims.csv", "figures/claims.png"}
    assert {p.relative_to(target).as_posix() for p in target.rglob("*.*")} == copied | {"README.md"}
    assert (target / "figures/claims.png").read_text() == "p"


def test_no_path_of_the_machine_is_kept(results, tmp_path):
    (results / "config.yaml").write_text(f"model: {{initial: {Path.cwd()}/weights.pt}}\n")
    keep_reference(results, tmp_path / "kept")
    assert (tmp_path / "kept" / "config.yaml").read_text() == "model: {initial: weights.pt}\n"


def test_of_a_large_table_the_rows_over_seeds_stay(results, tmp_path):
    rows = [f"base-seed{n},{n},0.{n:050d}" for n in range(SMALL // 50)]
    text = "\n".join(["run,seed,value", *rows, "base,all,0.5000000001", ""])
    (results / "tables" / "agreement.csv").write_text(text)
    keep_reference(results, tmp_path / "reference")
    kept = (tmp_path / "reference" / "tables" / "agreement.csv").read_text()
    assert kept == "run,seed,value\nbase,all,0.5000000001\n"


def test_what_is_not_there_is_refused(results, tmp_path):
    with pytest.raises(StudyError, match="no speedup.png"):
        keep_reference(results, tmp_path / "reference", ["speedup"])
    with pytest.raises(StudyError, match="no finished study"):
        keep_reference(tmp_path / "nothing", tmp_path / "reference")
    assert not (tmp_path / "reference").exists()


def _claims(folder, path, rows):
    path = folder / path
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(path, index=False)


def _row(claim, verdict, value, method="hydra_hessian_free", against="influence_cg", p=0.01):
    row = {"claim": claim, "statement": f"Claim {claim}", "measured": "difference", "variant": "base"}
    return row | {"method": method, "against": against, "value": value, "verdict": verdict, "p_holm": p}


def _table_of(tmp_path, mnist, fashion=()):
    _claims(tmp_path, verdicts.TABLES["MNIST"], mnist)
    _claims(tmp_path, verdicts.TABLES["Fashion-MNIST"], fashion or mnist)
    clock = [_row("5", "holds", 12_345.6, against="hydra_forward", p=None)]
    _claims(tmp_path, verdicts.TABLES["clock"], clock)


def _table(tmp_path, mnist, fashion):
    _table_of(tmp_path, mnist, fashion)
    decided = [line.split(" | ") for line in verdicts.verdict_table(tmp_path).splitlines()[2:]]
    rows = [line.strip("| ").split(" | ") for line in verdicts.measure_table(tmp_path).splitlines()[2:]]
    assert [row[2].strip("*") for row in decided] == [row[2] for row in rows]  # one measure a claim here
    return {row[0]: (row[2], row[4]) for row in rows}


def test_a_row_sums_up_the_papers_own_method(tmp_path):
    mnist = [_row("2", "holds", 0.1), _row("2", "does not hold", -0.2), _row("2", "holds", 0.4)]
    mnist += [_row("2", "holds", 9.0, method="hydra_exact"), _row("2", "holds", 9.0, against="final_loss")]
    mnist += [_row("2", "holds in 2 of 3", None, against="all"), _row("1a", "does not hold", 2.0)]
    found = _table(tmp_path, mnist, [_row("2", "undecided", -0.004, p=0.4)])
    assert found == {
        "1a": ("fails", "2.00"),
        "2": ("mixed: 2 hold, 1 fail", "0.05 (−0.20 to 0.40)"),
        "5": ("holds", "12,346"),
    }
    assert all(len(verdict.split()) <= 6 for verdict, _ in found.values())


def test_the_first_measure_of_a_claim_decides(tmp_path):
    mnist = [_row("2", "holds", 0.1), _row("2", "does not hold", 7.0) | {"measured": "another"}]
    _table_of(tmp_path, mnist)
    (line,) = [row for row in verdicts.verdict_table(tmp_path).splitlines() if row.startswith("| 2 ")]
    assert "| **holds** | **0.10** difference |" in line
    assert "another | fails | 2 | 7.00" in verdicts.measure_table(tmp_path)


def test_a_verdict_stands_only_if_it_outlives_the_number_of_studies(tmp_path):
    found = _table(tmp_path, [_row("2", "holds", 0.1, p=0.04)], [_row("2", "holds", 0.1, p=0.02)])
    assert found["2"][0] == "holds in 1 of 2"  # .04 of one study of two is .08


def test_the_table_stands_between_its_marks(tmp_path):
    _table(tmp_path, [_row("2", "holds", 0.1)], [_row("2", "holds", 0.1)])
    text = f"before {verdicts.BEGIN} old {verdicts.END} after"
    assert verdicts.updated(verdicts.updated(text, tmp_path), tmp_path).startswith(
        f"before {verdicts.BEGIN}\n|"
    )
    with pytest.raises(StudyError, match="no marks"):
        verdicts.updated("nothing", tmp_path)


def test_the_page_has_the_references_verdicts():
    text = (marks.PAGES / "claims.md").read_text(encoding="utf-8")
    assert verdicts.updated(text) == text, "run python -m tools.verdicts"
