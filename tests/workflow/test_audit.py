"""An audit as somebody new to it would make it, from a folder of pictures and the shell: the list and the pages, what
was decided about it tried out, and the pictures as decided."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from sklearn.datasets import load_digits

from hydra_steps.audit.decisions import COLUMNS
from hydra_steps.audit.judge import SURE_FROM
from hydra_steps.audit.look_alikes import near_duplicates
from tests.workflow.conftest import ENVIRONMENT, ROOT, Tree, copy_tree

SAMPLES, WRONG = 550, 30
STUDY = "audit_pictures.yaml"
DATALAB = find_spec("cleanlab") is not None  # an optional library
PAIR = (("split", "sample"), ("other_split", "other_sample"))
SMALL = {"methods": {"hydra_hessian_free": {}, "final_loss": {}}, "explorer": {"top": 3, "by_epoch": False}}


def make(tree: Tree, *arguments: str, fails: bool = False) -> str:
    """Call make in the tree, whose environment is the one that runs the tests."""
    binaries = tree.folder / "venv" / "bin"
    if not binaries.is_dir():
        binaries.mkdir(parents=True)
        for name, start in (("python", ""), ("snakemake", "-m snakemake ")):
            (binaries / name).write_text(f'#!/bin/sh\nexec {sys.executable} {start}"$@"\n')
            (binaries / name).chmod(0o755)
        for file in ("Makefile", "requirements.lock"):
            shutil.copy(ROOT / file, tree.folder)
        (tree.folder / "venv" / ".installed").touch()  # newer than pyproject.toml
    command = ["make", *arguments, f"VENV={tree.folder / 'venv'}", "CORES=2"]
    done = subprocess.run(command, cwd=tree.folder, env=ENVIRONMENT, text=True, capture_output=True)
    assert (done.returncode != 0) == fails, (done.stdout + done.stderr)[-5000:]
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def truth() -> dict[str, str]:
    """The right class of each picture by its name: the folder and the file that it lies in. The last picture is the one
    before it again."""
    right = load_digits().target[:SAMPLES].copy()
    right[-1] = right[-2]
    label = right
    stream = np.random.default_rng(0)
    wrong = stream.permutation(SAMPLES)[:WRONG]
    label = label.copy()
    label[wrong] = (label[wrong] + stream.integers(1, 10, WRONG)) % 10
    return {
        f"digit{own}/{n}.png": f"digit{true}" for n, (own, true) in enumerate(zip(label, right, strict=True))
    }


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory, truth: dict[str, str]) -> Tree:
    """A finished audit, before anybody has decided anything. The study that was written is made small."""
    tree = copy_tree(tmp_path_factory.mktemp("audited") / "tree")
    tree.results = tree.folder / "results" / "audit_pictures"
    pictures = load_digits().images
    for name in truth:
        path = tree.folder / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shown = pictures[min(int(path.stem), SAMPLES - 2)]
        Image.fromarray((shown * 15).astype(np.uint8)).save(path)
    asked = [sys.executable, "-m", "hydra_steps.audit.begin", "pictures"]
    done = subprocess.run(asked, cwd=tree.folder, env=ENVIRONMENT, text=True, capture_output=True)
    assert done.stdout.strip().endswith(STUDY), done.stderr

    def small(text: str) -> str:
        study = yaml.safe_load(text)
        study["training"]["epochs"] = 8
        study["audit"] |= {"copies": 2, "kinds": ["symmetric"], "rate": 0.05, "seeds": 2, "datalab": DATALAB}
        return yaml.safe_dump(study | SMALL)

    tree.edit(STUDY, small)
    tree.run("audit", "--cores", "2", study=STUDY)
    assert "nothing to be done" in make(tree, "audit", f"CONFIG={STUDY}")
    return tree


def decide(tree: Tree, truth: dict[str, str], most: int = 25) -> Path:
    """Write down what somebody who knows the truth says of the first suspects, and of one held-out sample."""
    version = json.loads((tree.results / "summary.json").read_text())["data_version"]
    suspects = pd.read_csv(tree.results / "tables/audit_suspects.csv").head(most)
    held_out = pd.read_csv(tree.results / "runs/base-seed0/splits.csv").query("split == 'test'")
    rows = [("train", row["sample"], row["name"]) for row in suspects.to_dict("records")]
    rows += [("test", row["index"], row["name"]) for row in held_out.to_dict("records")]
    path = tree.folder / "decisions.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for split, sample, name in rows:
            given, right = name.split("/")[0], truth[name]
            said = ("right", "") if given == right else ("relabel", right)
            writer.writerow((split, sample, given, *said, "me", version))
    return path


def test_it_lists_suspects_and_says_how_many_are_wrong(audited: Tree, truth: dict[str, str]) -> None:
    found = json.loads((audited.results / "summary.json").read_text())
    wrong = found["wrong_labels"]
    assert 0 < wrong["value"] <= wrong["high"] < found["samples"]
    sure = found["average_precision"]["value"] >= SURE_FROM
    assert 0 < wrong["low"] <= wrong["value"] if sure else wrong["low"] == 0
    suspects = pd.read_csv(audited.results / "tables/audit_suspects.csv")
    bad = [name.split("/")[0] != truth[name] for name in suspects["name"]]
    assert np.mean(bad[:15]) > 4 * WRONG / SAMPLES
    pairs = pd.read_csv(audited.results / "tables/audit_pairs.csv")
    assert pairs["suspects"].sum() == len(suspects)
    assert pairs["expected_wrong"].is_monotonic_decreasing
    held_out = pd.read_csv(audited.results / "tables/audit_held_out.csv")
    assert set(held_out["split"]) == {"validation", "test"}
    assert (held_out["label"] != held_out["predicted"]).all()
    if DATALAB:
        alike = pd.read_csv(audited.results / "tables/audit_look_alikes.csv")
        splits = pd.read_csv(audited.results / "runs/base-seed0/splits.csv").set_index(["split", "index"])[
            "name"
        ]
        pairs_of = {
            frozenset(Path(splits[row[split], int(row[sample])]).stem for split, sample in PAIR)
            for row in alike[alike["kind"] != "outlier"].to_dict("records")
        }
        assert frozenset({str(SAMPLES - 1), str(SAMPLES - 2)}) in pairs_of
        told = near_duplicates(audited.results / "tables/audit_look_alikes.csv")
        cells = suspects["near_duplicates"].fillna("")
        assert cells.tolist() == ["; ".join(told.get(sample, ())) for sample in suspects["sample"]]
    harmful = pd.read_csv(audited.results / "tables/audit_harmful.csv")
    assert (harmful["chance_wrong"] <= 0.5).all()  # rounded
    assert harmful["gain_without"].is_monotonic_decreasing
    assert (harmful["gain_without"] > 0).all()
    page = (audited.results / "audit.html").read_text(encoding="utf-8")
    assert "Samples that harm although their label is right" in page
    assert f'<th scope="row">{pairs["label"][0]} → {pairs["suggested"][0]}</th>' in page
    assert "training labels are wrong" in page
    assert (audited.results / "explorer.html").is_file()
    assert {path.name for path in (audited.results / "runs").iterdir()} == {
        "base-seed0",
        "base-planted0-seed0",
        "base-planted1-seed0",
    }
    assert not (audited.results / "cleaned").exists()


def test_decisions_are_tried_out_and_the_pictures_written_as_decided(
    audited: Tree, truth: dict[str, str]
) -> None:
    said = audited.run("audit", "-n", "--config", "audit={decisions: [none.csv]}", study=STUDY, fails=True)
    assert "there is no file none.csv" in said
    came = {path: path.read_bytes() for path in (audited.folder / "pictures").rglob("*.png")}
    decisions = decide(audited, truth)
    make(audited, "audit-apply", f"CONFIG={STUDY}", "DECISIONS=decisions.csv")
    proof = json.loads((audited.results / "summary.json").read_text())["proof"]
    assert {"corrected", "random_removed"} <= set(proof)
    page = (audited.results / "audit.html").read_text(encoding="utf-8")
    assert "of its labels were decided to be wrong, too, and put right or left out" in page
    table = pd.read_csv(audited.results / "tables/audit_cleaned.csv").set_index("name")
    changed = table[table["changed"] == 1]
    assert 0 < len(changed) <= WRONG
    assert {"train", "test"} == set(changed["split"])
    assert all(truth[name] == right for name, right in changed["decided"].items())
    cleaned = audited.results / "cleaned"
    written = Counter(path.relative_to(cleaned).as_posix() for path in cleaned.rglob("*.png"))
    assert written == Counter(
        f"{table['decided'].get(name, name.split('/')[0])}/{Path(name).name}" for name in truth
    )
    assert {path: path.read_bytes() for path in came} == came
    before = decisions.read_text()
    decisions.write_text(before.replace(",relabel,", ",relable,", 1))
    kept = (cleaned / "manifest.json").read_bytes()
    said = make(audited, "audit-apply", f"CONFIG={STUDY}", "DECISIONS=decisions.csv", fails=True)
    assert "did you mean 'relabel'" in said
    assert (audited.results / "tables/audit_cleaned.csv").is_file()
    assert (cleaned / "manifest.json").read_bytes() == kept
