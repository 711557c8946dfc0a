"""Noises of numbers, several labels and tokens: how many targets they touch, and how."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hydra_steps.config.datasets import dataset
from hydra_steps.data import draw_targets, fetch_data, load_run_data, noise_labels, split_data
from hydra_steps.data.target_columns import differ, from_columns, to_columns

NUMBERS = np.random.default_rng(0).standard_normal((200, 2)).astype(np.float32)
LABELS = np.random.default_rng(0).integers(0, 2, (200, 3))
TOKENS = np.where(np.arange(6) < 5, np.random.default_rng(0).integers(0, 7, (200, 6)), -100)


@pytest.mark.parametrize(
    ("kind", "clean", "outputs", "asks"),
    [
        ("additive", NUMBERS, 2, "numbers"),
        ("outliers", NUMBERS, 2, "numbers"),
        ("permuted", NUMBERS, 2, "numbers"),
        ("label_flips", LABELS, 3, "labels"),
        ("replaced_tokens", TOKENS, 7, "tokens"),
    ],
)
def test_a_share_of_the_samples_is_changed_and_the_rest_is_as_it_was(kind, clean, outputs, asks):
    noisy = draw_targets(clean, outputs, kind, {"rate": 0.1}, 0, asks=asks)
    assert noisy.dtype == clean.dtype
    changed = differ(noisy, clean)
    assert changed.sum() == 20
    assert np.array_equal(noisy, draw_targets(clean, outputs, kind, {"rate": 0.1}, 0, asks=asks))
    assert not differ(draw_targets(clean, outputs, kind, {"rate": 0.0}, 0, asks=asks), clean).any()
    if kind == "outliers":
        moved = np.abs(noisy - clean)[changed] / clean.std(0)
        np.testing.assert_allclose(moved, 5, rtol=1e-5)
    if kind == "permuted":
        assert np.array_equal(np.sort(noisy, axis=0), np.sort(clean, axis=0))
    if kind == "label_flips":
        assert ((noisy != clean).sum(1)[changed] == 1).all()
    if kind == "replaced_tokens":
        assert np.array_equal(noisy == -100, clean == -100)
        assert ((noisy != clean).sum(1)[changed] == 2).all()  # half of five, rounded to even


@pytest.mark.parametrize(("clean", "asks"), [(NUMBERS, "numbers"), (LABELS, "labels"), (TOKENS, "tokens")])
def test_targets_come_back_from_their_columns_as_they_were(tmp_path: Path, clean, asks):
    import pandas as pd

    path = tmp_path / "labels.csv"
    pd.DataFrame(to_columns(clean, asks)).to_csv(path, index=False)
    found = from_columns(pd.read_csv(path), asks, clean.shape[1])
    assert found.dtype == clean.dtype
    assert np.array_equal(found, clean)


def test_a_regression_run_from_its_files(tmp_path: Path):
    splits, labels = tmp_path / "splits.csv", tmp_path / "labels.csv"
    fetch_data("diabetes", tmp_path)
    split_data("diabetes", tmp_path, 300, 60, 82, 0, splits)
    noise_labels(splits, "diabetes", tmp_path, "outliers", {"rate": 0.1}, 0, labels)
    data = load_run_data("diabetes", tmp_path, splits, labels)
    assert data.outputs == ("disease progression",) == dataset("diabetes").outputs
    assert data.classes == ()
    assert data.train.inputs.shape == (300, 10)
    assert data.train.targets.shape == (300, 1)
    assert np.array_equal(data.is_noisy, (data.train.targets != data.clean_targets)[:, 0])
    assert data.is_noisy.sum() == 30
