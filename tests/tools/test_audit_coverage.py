"""The study of audits against hidden mistakes: small here, and its answers are near the truth."""

import numpy as np

from tools.audit_coverage import WORDS, bags, mistaken, repeat


def test_so_many_labels_are_made_wrong():
    labels = np.arange(100) % 4
    assert (mistaken(labels, 13, np.random.default_rng(0)) != labels).sum() == 13


def test_audits_of_hidden_mistakes_are_near_the_truth():
    rows = [repeat("wine", 0.1, seed) for seed in range(6)]
    assert sum(row["inside"] for row in rows) >= 5
    assert np.mean([row["calibration"] for row in rows]) < 0.05
    assert np.mean([row["missed"] for row in rows]) < 0.1


def test_texts_are_audited_as_bags_of_words():
    inputs, labels = bags("texts")
    assert inputs.shape == (len(labels), WORDS)
    assert 0.3 < labels.mean() < 0.7  # docstrings and sentences
    rows = [repeat("texts", 0.05, seed) for seed in range(3)]
    assert np.mean([row["calibration"] for row in rows]) < 0.05
    assert np.mean([row["missed"] for row in rows]) < 0.1
    assert np.mean([row["found"] for row in rows]) > 0.6
