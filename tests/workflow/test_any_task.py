"""A tiny study of each task from its YAML to report and explorer, and the words that it is told in."""

from __future__ import annotations

import csv
import html
import re
from pathlib import Path

import pytest

from tests.helpers.any_task import LANGUAGE_MODEL
from tests.helpers.one_process import make_study

COMMON = """
seeds: [0]
plugins: [{plugin}]
data: {{name: {data}, train: 120, validation: 30, test: 40}}
training:
  epochs: 3
  batch_size: 12
  loss: {{name: {loss}}}
  optimizer: {{name: sgd, learning_rate: {rate}, momentum: 0.9}}
methods: {{hydra_exact: {{}}, hydra_hessian_free: {{}}, final_loss: {{}}}}
counterfactual: {{groups: 8, fraction: 0.03}}
removal: {{fractions: [0.1], seeds: 2, methods: [hydra_exact], controls: []}}
smoothness: {{groups: 1, steps: [0.5]}}
figures: {{formats: [svg]}}
explorer: {{top: 3, by_epoch: false}}
"""
QUERIES = """
queries:
  - {kind: mean_loss, split: test}
  - {kind: mean_loss, split: validation}
  - {kind: sample_loss, split: test, count: 2}
"""
DATA = '''
import numpy as np

import hydra_steps.plugins as hs


@hs.dataset("tags", targets="labels", outputs=["warm", "bright", "loud"], shape=[6], parts={"train": 200})
def tags(folder):
    """Six numbers, and which of three labels fit."""
    draw = np.random.default_rng(0)
    x = draw.standard_normal((200, 6)).astype(np.float32)
    return {"train": hs.Part(x, (x[:, :3] + 0.3 * draw.standard_normal((200, 3)) > 0).astype(np.int64))}


@hs.dataset(
    "steps",
    targets="tokens",
    outputs=["a", "b", "c", "d", "e"],
    shape={"ids": [6], "mask": [6]},
    dtype={"ids": "int64", "mask": "bool"},
    parts={"train": 200},
)
def steps(folder):
    """Letters that go on by one or two; some texts end early."""
    draw = np.random.default_rng(0)
    text = (draw.integers(5, size=(200, 1)) + draw.integers(1, 3, (200, 7)).cumsum(1)) % 5
    targets = text[:, 1:].copy()
    targets[::4, 4:] = -100
    return {"train": hs.Part(hs.Group({"ids": text[:, :-1].copy(), "mask": targets >= 0}), targets)}
'''
MODEL = '''
class Behind(Reader):
    def forward(self, ids, mask):
        return super().forward(ids) * mask[..., None]


@model("behind")
def behind(shape, outputs, width: int = 4):
    """The reader, silent where the mask says so."""
    return Behind(outputs, width)
'''
STUDIES = {
    "numbers": (
        {"data": "diabetes", "loss": "squared_error", "rate": 0.01},
        "noise: {kind: outliers, rate: 0.1}\nmodel: {name: mlp, hidden: [8]}",
        "  - {kind: sample_value, split: test, count: 2}\n  - {kind: sample_residual, split: test, count: 1}\n",
    ),
    "labels": (
        {"data": "tags", "loss": "binary_cross_entropy", "rate": 0.1},
        "noise: {kind: label_flips, rate: 0.1}\nmodel: {name: mlp, hidden: [8]}",
        "  - {kind: sample_log_odds, split: test, count: 1, position: 2}\n",
    ),
    "tokens": (
        {"data": "steps", "loss": "next_token", "rate": 0.2},
        "noise: {kind: replaced_tokens, rate: 0.1}\nmodel: {name: behind, width: 8}",
        "  - {kind: sample_continuation, split: test, count: 1, start: 3}\n",
    ),
}
COLUMNS = {
    "numbers": "index,target_1,clean_target_1,is_noisy",
    "labels": "index,label_1,label_2,label_3,clean_label_1,clean_label_2,clean_label_3,is_noisy",
    "tokens": "index,tokens,clean_tokens,is_noisy",
}
METRICS = {"numbers": "r2", "labels": "mean_accuracy", "tokens": "perplexity"}
TOLD = {
    "numbers": ("reaches R² ", "wrong targets", "the targets were moved far away"),
    "labels": ("reaches accuracy over labels ", "wrong labels", "the labels were turned round"),
    "tokens": ("reaches perplexity ", "wrong targets", "the targets were replaced in part"),
}


@pytest.mark.parametrize("asks", list(STUDIES))
def test_a_study_of_a_task_is_told_in_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asks: str
) -> None:
    monkeypatch.chdir(tmp_path)
    plugin, study = Path(f"own_{asks}.py"), Path(f"{asks}.yaml")
    plugin.write_text(DATA + LANGUAGE_MODEL + MODEL)
    about, sections, queries = STUDIES[asks]
    text = COMMON.format(plugin=plugin.name, **about) + sections + QUERIES + queries
    study.write_text(f"study: {asks}\n{text}\n")
    results = make_study(study)
    labels = (results / "runs" / "base-seed0" / "labels.csv").read_text().splitlines()
    assert labels[0] == COLUMNS[asks]
    assert sum(line.endswith(",1") for line in labels) == 12
    trained = {row["metric"] for row in csv.DictReader((results / "tables" / "training.csv").open())}
    assert trained == {"train_loss", "test_loss", "validation_loss"} | {
        f"{split}_{METRICS[asks]}" for split in ("test", "validation")
    }
    lds = [
        float(row["value"])
        for row in csv.DictReader((results / "tables" / "counterfactual.csv").open())
        if row["metric"] == "lds" and row["method"] == "hydra_exact" and row["seed"] == "all"
    ]
    assert sum(lds) / len(lds) > 0.8
    page = _words(results / "report.html")
    for words in TOLD[asks]:
        assert words in page
    assert ("label" in page) == (asks == "labels")
    assert not re.search(r"\bclass(es|ified)?\b", page)
    assert _words(results / "explorer.html")


def _words(path: Path) -> str:
    """What a page says: no markup, no scripts, no pictures, and nothing of the configuration."""
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"<(script|style|svg|pre)\b.*?</\1>", " ", text, flags=re.S)
    text = re.sub(r'<section[^>]*id="(tables|repeat)".*', " ", text, flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())
