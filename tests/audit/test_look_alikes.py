"""Planted duplicates, leaks and outliers are found."""

import numpy as np
import pandas as pd
import pytest

from hydra_steps.audit.look_alikes import find_look_alikes, look_alikes
from hydra_steps.data import split_data
from hydra_steps.data.fetch import fetch_data
from tests.helpers.artifacts import located

pytest.importorskip("cleanlab")


@pytest.fixture(scope="module")
def found():
    stream = np.random.default_rng(0)
    inputs = stream.standard_normal((200, 12))
    inputs[7] = inputs[3] + 1e-6  # in one split
    inputs[150] = inputs[20]  # across splits
    inputs[60] = 40.0
    where = [("train", i) for i in range(120)] + [("test", i) for i in range(80)]
    return look_alikes(inputs, where)


def test_a_sample_of_training_and_test_is_a_leak(found):
    leak = found[0]
    assert (leak["kind"], leak["split"], leak["sample"]) == ("leak", "train", 20)
    assert (leak["other_split"], leak["other_sample"]) == ("test", 30)
    assert sum(row["kind"] == "leak" for row in found) == 1


def test_two_of_one_split_are_duplicates_named_once(found):
    pairs = [(row["sample"], row["other_sample"]) for row in found if row["kind"] == "duplicate"]
    assert pairs[0] == (3, 7)
    assert (7, 3) not in pairs


def test_what_is_like_no_other_is_an_outlier(found):
    assert next(row["sample"] for row in found if row["kind"] == "outlier") == 60


def test_the_table_is_made_from_the_data(tmp_path):
    home = tmp_path / "runs" / "base-seed0"
    home.mkdir(parents=True)
    fetch_data("digits", tmp_path / "data")
    split_data("digits", tmp_path / "data", 150, 40, 60, 0, home / "splits.csv")
    find_look_alikes(
        audited_splits=[located(home / "splits.csv")],
        raw=[],
        data={"base-seed0": {"name": "digits", "folder": tmp_path / "data"}},
        output=tmp_path / "found.csv",
    )
    table = pd.read_csv(tmp_path / "found.csv")
    assert set(table["kind"]) <= {"leak", "duplicate", "outlier"}
    assert (table["sample"] < 150).all()
