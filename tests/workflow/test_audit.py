"""An audit from the shell: the list and the pages, then what people decided about it is tried out."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pandas as pd
import pytest

from hydra_steps.audit.decisions import COLUMNS
from tests.workflow.conftest import Tree, copy_tree

STUDY = "config/test_audit.yaml"


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A finished audit, before anybody has decided anything."""
    tree = copy_tree(tmp_path_factory.mktemp("audited") / "tree")
    tree.results = tree.folder / "results" / "test_audit"
    tree.run("audit", "--cores", "2", study=STUDY)
    return tree


def decide(tree: Tree, most: int = 20) -> Path:
    """Write down what somebody who knows the truth says of the first suspects."""
    version = json.loads((tree.results / "summary.json").read_text())["data_version"]
    labels = pd.read_csv(tree.results / "runs/base-seed0/labels.csv").set_index("index")
    suspects = pd.read_csv(tree.results / "tables/audit_suspects.csv").head(most)
    path = tree.folder / "decisions.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for sample in suspects["sample"]:
            given, clean = labels.loc[sample, ["label", "clean_label"]]
            said = ("right", "") if given == clean else ("relabel", clean)
            writer.writerow(("train", sample, given, *said, "me", version))
    return path


def test_it_lists_suspects_and_says_how_many_are_wrong(audited: Tree) -> None:
    found = json.loads((audited.results / "summary.json").read_text())
    assert (
        0
        < found["wrong_labels"]["low"]
        <= found["wrong_labels"]["value"]
        <= found["wrong_labels"]["high"]
        < 300
    )
    suspects = pd.read_csv(audited.results / "tables/audit_suspects.csv")
    noisy = pd.read_csv(audited.results / "runs/base-seed0/labels.csv")["is_noisy"]
    assert noisy[suspects["sample"].head(20)].mean() > 3 * noisy.mean()
    page = (audited.results / "audit.html").read_text(encoding="utf-8")
    assert "of the 300 training labels are wrong" in page
    assert (audited.results / "explorer.html").is_file()
    assert {path.name for path in (audited.results / "runs").iterdir()} == {
        "base-seed0",
        "base-planted0-seed0",
        "base-planted1-seed0",
    }


def test_decisions_are_tried_out_and_wrong_ones_end_in_one_message(audited: Tree) -> None:
    said = audited.run("audit", "-n", "--config", "audit={decisions: [none.csv]}", study=STUDY, fails=True)
    assert "there is no file none.csv" in said
    decisions = decide(audited)
    audited.run("audit", "--cores", "2", "--config", "audit={decisions: [decisions.csv]}", study=STUDY)
    proof = json.loads((audited.results / "summary.json").read_text())["proof"]
    assert {"corrected", "random_removed"} <= set(proof)
    cleaned = pd.read_csv(audited.results / "tables/audit_cleaned.csv")
    labels = pd.read_csv(audited.results / "runs/base-seed0/labels.csv")
    changed = cleaned["changed"] == 1
    assert 0 < changed.sum() <= labels["is_noisy"].sum()
    assert (cleaned.loc[changed, "decided"] == labels.loc[changed, "clean_label"]).all()
    before = decisions.read_text()
    decisions.write_text(before.replace(",relabel,", ",relable,", 1))
    said = audited.run(
        "audit", "--cores", "1", "--config", "audit={decisions: [decisions.csv]}", study=STUDY, fails=True
    )
    assert "did you mean 'relabel'" in said
    assert (audited.results / "tables/audit_cleaned.csv").is_file()
