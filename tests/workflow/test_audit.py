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
        answers = pd.read_csv(tree.results / "runs/base-seed0/predictions.csv")
        first = next(
            row for row in answers.to_dict("records") if row["split"] == "test" and row["label"] != 8
        )
        writer.writerow(("test", first["index"], first["label"], "relabel", 8, "me", version))
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
    pairs = pd.read_csv(audited.results / "tables/audit_pairs.csv")
    assert pairs["suspects"].sum() == len(suspects)
    assert pairs["expected_wrong"].is_monotonic_decreasing
    held_out = pd.read_csv(audited.results / "tables/audit_held_out.csv")
    assert set(held_out["split"]) == {"validation", "test"}
    assert (held_out["label"] != held_out["predicted"]).all()
    page = (audited.results / "audit.html").read_text(encoding="utf-8")
    assert f'<th scope="row">{pairs["label"][0]} → {pairs["suggested"][0]}</th>' in page
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
    held_out = cleaned[cleaned["split"] != "train"]
    assert held_out.loc[held_out["changed"] == 1, "decided"].tolist() == [8]
    cleaned = cleaned[cleaned["split"] == "train"]
    changed = cleaned["changed"] == 1
    assert 0 < changed.sum() <= labels["is_noisy"].sum()
    assert (cleaned.loc[changed, "decided"] == labels.loc[changed, "clean_label"]).all()
    page = (audited.results / "audit.html").read_text(encoding="utf-8")
    assert "1 of its labels were decided to be wrong, too" in page
    written = pd.read_csv(audited.results / "cleaned/train.csv").set_index("source_index")["label"]
    assert (written.loc[cleaned["source_index"]].to_numpy()[changed] == cleaned["decided"][changed]).all()
    before = decisions.read_text()
    decisions.write_text(before.replace(",relabel,", ",relable,", 1))
    said = audited.run(
        "audit", "--cores", "1", "--config", "audit={decisions: [decisions.csv]}", study=STUDY, fails=True
    )
    assert "did you mean 'relabel'" in said
    assert (audited.results / "tables/audit_cleaned.csv").is_file()
