"""A user's own table, from YAML alone: planned, trained, its rows and names in tables and on the page."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.workflow.conftest import Tree, copy_tree, planned_jobs

STUDY = """
study: own
seeds: [0]
data: {name: table, folder: mine, file: rows.csv, label: kind, id: who, group: home}
noise: {kind: unknown}
model: {name: logistic}
training: {epochs: 2, batch_size: 8}
queries: [{kind: mean_loss, split: test}, {kind: sample_loss, split: test, count: 2}]
methods: {gradient_product: {}}
explorer: {top: 3, by_epoch: false}
figures: {formats: [svg]}
"""
FILE = "config/own.yaml"
MADE = ["results/own/tables/suspects.csv", "results/own/explorer.html"]


def write_rows(folder: Path, shift: float = 0.0) -> None:
    draw = np.random.default_rng(0)
    kind = np.array(["oak", "elm", "ash"])[np.arange(90) % 3]
    rows = {"who": [f"tree {n}" for n in range(90)], "kind": kind, "home": np.arange(90) // 2}
    rows |= {"height": draw.normal(10, 2, 90) + (kind == "oak") + shift, "soil": ["clay", "sand"] * 45}
    pd.DataFrame(rows).to_csv(folder / "mine" / "rows.csv", index=False)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    tree = copy_tree(tmp_path_factory.mktemp("table") / "tree")
    tree.results = tree.folder / "results" / "own"
    (tree.folder / FILE).write_text(STUDY)
    (tree.folder / "mine").mkdir()
    write_rows(tree.folder)
    tree.run(*MADE, "--cores", "2", study=FILE)
    return tree


def test_names_stand_in_tables_and_on_the_page(finished: Tree) -> None:
    suspects = pd.read_csv(finished.results / "tables" / "suspects.csv")
    splits = pd.read_csv(finished.results / "runs" / "base-seed0" / "splits.csv")
    train = splits[splits["split"] == "train"].reset_index(drop=True)
    assert suspects["training_name"].tolist() == train.loc[suspects["training"], "name"].tolist()
    assert set(suspects["label_name"]) <= {"oak", "elm", "ash"}
    page = (finished.results / "explorer.html").read_text(encoding="utf-8")
    assert '"classes": ["ash", "elm", "oak"]' in page
    blocks = dict(re.findall(r'<script[^>]*id="([^"]+)"[^>]*>([A-Za-z0-9+/=\s]*)</script>', page))
    assert train["name"].tolist() == pd.read_json(_text(blocks["base-seed0/names"]), typ="series").tolist()
    assert "soil clay" in _text(blocks["base-seed0/texts"]).read()
    assert (splits.assign(home=splits["source_index"] // 2).groupby("home")["split"].nunique() == 1).all()


def test_rows_that_change_are_read_again(finished: Tree) -> None:
    assert finished.planned(*MADE, study=FILE) == {}
    write_rows(finished.folder, shift=1.0)
    said = finished.run(*MADE, "--dry-run", study=FILE)
    assert "Changed since table was read from mine: rows.csv changed." in said
    assert set(planned_jobs(said)) >= {"split_data", "train_model", "write_explorer"}


def _text(block: str) -> io.StringIO:
    return io.StringIO(base64.b64decode(block).decode())
