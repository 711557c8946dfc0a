"""The samples with the lowest contributions, against the score folders they come from."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hydra_steps.errors import StudyError
from hydra_steps.evaluation.suspects import COLUMNS, MOST, list_suspects, lowest
from hydra_steps.tables.tidy import read_table

DATA = {"base-seed0": {"name": "digits", "folder": "data", "options": {}}}


def unknown(study, label, run="base-seed0"):
    """Write a ``labels.csv`` without clean labels."""
    written = study.labels([0] * len(label), run=run, label=label)
    pd.read_csv(written.path).assign(clean_label=None, is_noisy=None).to_csv(written.path, index=False)
    return written


def test_the_lowest_tenth_by_each_ranking_query(study, tmp_path):
    rng = np.random.default_rng(0)
    values, label = rng.standard_normal((3, 40)), rng.integers(10, size=40)
    queries = ["test_mean", "validation_mean", "test_sample_2"]
    labels = unknown(study, label)
    scores = [study.scores("m", values, queries), study.scores("alike", np.zeros(40))]
    list_suspects(scores, [labels], [], DATA, tmp_path / "suspects.csv")
    table = read_table(tmp_path / "suspects.csv")
    assert tuple(table.columns) == COLUMNS
    assert set(table["query"]) == {"test_mean", "validation_mean"}
    for row, query in enumerate(queries[:2]):
        own = table[(table["method"] == "m") & (table["query"] == query)]
        expected = np.argsort(values[row])[:4]
        assert own["rank"].tolist() == [1, 2, 3, 4]
        assert own["training"].tolist() == expected.tolist()
        assert own["label"].tolist() == label[expected].tolist()
        assert own["contribution"].tolist() == pytest.approx(values[row, expected].tolist())
    assert table.loc[table["method"] == "alike", "training"].tolist() == [0, 1, 2, 3]


def test_positions_are_those_of_the_training_split(study, tmp_path):
    values = np.full(30, np.nan)
    values[[7, 11, 29]] = 2.0, -1.0, 0.5
    scores = study.scores("m", values, tracked=[7, 11, 29])
    list_suspects([scores], [unknown(study, range(30))], [], DATA, tmp_path / "suspects.csv")
    table = read_table(tmp_path / "suspects.csv")
    assert table[["rank", "training", "label"]].to_numpy().tolist() == [[1, 11, 11]]


def test_at_most_a_hundred_and_none_that_are_not_finite():
    assert len(lowest(np.arange(5000.0))) == MOST == 100
    assert lowest(np.array([3.0, 1.0])).tolist() == [1]
    assert not len(lowest(np.array([1.0, np.nan])))


def test_no_query_to_rank_by(study, tmp_path):
    scores = study.scores("m", np.zeros(20), ["test_sample_1"])
    with pytest.raises(StudyError, match="no scores have a query to rank samples by"):
        list_suspects([scores], [unknown(study, [0] * 20)], [], DATA, tmp_path / "suspects.csv")
