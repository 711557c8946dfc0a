"""The study of audits against hidden mistakes: small here, and its answers are near the truth."""

import numpy as np

from tools.audit_coverage import mistaken, repeat


def test_so_many_labels_are_made_wrong():
    labels = np.arange(100) % 4
    assert (mistaken(labels, 13, np.random.default_rng(0)) != labels).sum() == 13


def test_audits_of_hidden_mistakes_are_near_the_truth():
    rows = [repeat("wine", 0.1, seed) for seed in range(6)]
    assert sum(row["inside"] for row in rows) >= 5
    assert np.mean([row["calibration"] for row in rows]) < 0.05
    assert np.mean([row["missed"] for row in rows]) < 0.1
