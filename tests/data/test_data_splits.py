"""Splits: seeded, stratified, disjoint; counts that cannot be met are refused with the counts."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydra_steps.config.datasets import dataset
from hydra_steps.config.split_sizes import split_sizes
from hydra_steps.data import noise_labels, split_data
from hydra_steps.data.run_data import read_parts
from hydra_steps.errors import StudyError


def draw(tmp_path, real_data, name="digits", train=1000, validation=200, test=400, seed=0):
    return split_data(name, real_data, train, validation, test, seed, tmp_path / "splits.csv")


@pytest.mark.parametrize(
    ("name", "sources"),
    [("digits", ["train", "train", "train"]), ("mnist", ["train", "train", "test"])],
)
def test_subset_is_stratified_and_disjoint(real_data, tmp_path, name, sources):
    table = draw(tmp_path, real_data, name)
    parts = read_parts(name, real_data)
    assert not table.duplicated(["source", "source_index"]).any()
    for (split, size), source in zip(
        split_sizes(dataset(name), 1000, 200, 400).items(), sources, strict=True
    ):
        rows = table[table["split"] == split]
        assert len(rows) == size
        assert set(rows["source"]) == {source}
        assert rows["index"].tolist() == list(range(size))
        assert rows["source_index"].is_monotonic_increasing
        whole = parts[source].targets
        counts = np.bincount(whole[rows["source_index"]], minlength=10)
        # Drawn one after the other from what is left: at most one off per earlier draw, and one of its own.
        assert np.abs(counts - size * np.bincount(whole, minlength=10) / len(whole)).max() < 3


def test_file_is_the_contract_and_deterministic(real_data, tmp_path):
    draw(tmp_path, real_data)
    content = (tmp_path / "splits.csv").read_bytes()
    draw(tmp_path, real_data)
    assert (tmp_path / "splits.csv").read_bytes() == content
    assert content.startswith(b"split,index,source,source_index\ntrain,0,train,")
    assert b"\r" not in content
    # Pinned: an other version of a dependency must not draw other samples unnoticed.
    assert (
        hashlib.sha256(content).hexdigest()
        == "48c47ac6903119c65c0fa61594506be22d31701986359000f2e8da726a8a8733"
    )
    draw(tmp_path, real_data, seed=1)
    assert (tmp_path / "splits.csv").read_bytes() != content


def test_fewer_training_samples_leave_the_rest_alone(real_data, tmp_path):
    small, large = (draw(tmp_path, real_data, train=train) for train in (100, 1000))
    for split in ("validation", "test"):
        pd.testing.assert_frame_equal(
            small[small["split"] == split].reset_index(drop=True),
            large[large["split"] == split].reset_index(drop=True),
        )
    nested = [set(table.loc[table["split"] == "train", "source_index"]) for table in (small, large)]
    assert nested[0] <= nested[1]


def test_null_takes_all_that_there_is(real_data, tmp_path):
    table = draw(tmp_path, real_data, "fashion_mnist", train=None, validation=5000, test=None)
    assert table["split"].value_counts().to_dict() == {"train": 55_000, "test": 10_000, "validation": 5000}
    rows = table[table["split"] != "test"]
    assert sorted(rows["source_index"]) == list(range(60_000))
    assert split_sizes(dataset("digits"), None, 100, 200) == {"train": 1497, "validation": 100, "test": 200}
    assert split_sizes(dataset("mnist"), 10, None, 0) == {"train": 10, "validation": 59_990, "test": 0}


def test_no_sample_and_one_sample(real_data, tmp_path):
    assert len(draw(tmp_path, real_data, train=0, validation=0, test=0)) == 0
    assert len(draw(tmp_path, real_data, train=1, validation=0, test=1)) == 2
    everything = draw(tmp_path, real_data, train=1797, validation=0, test=0)
    assert everything["source_index"].tolist() == list(range(1797))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 900), st.integers(0, 400), st.integers(0, 497), st.integers(0, 2**33))
def test_any_counts_are_met_exactly(real_data_free, train, validation, test, seed):
    table = real_data_free(train, validation, test, seed)
    counts = table["split"].value_counts()
    assert [int(counts.get(s, 0)) for s in ("train", "validation", "test")] == [train, validation, test]
    assert not table["source_index"].duplicated().any()


@pytest.fixture(scope="module")
def real_data_free(tmp_path_factory):
    folder = tmp_path_factory.mktemp("splits")
    return lambda *counts: split_data("digits", folder, *counts, folder / "splits.csv")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("digits", 1500, 200, 400),
            r"data\.train 1500 \+ data\.validation 200 \+ data\.test 400 asks for 2100 .*1797",
        ),
        (("mnist", 60_001, 0, 10), r"asks for 60001 samples of mnist.*at most 60000.*lower data\.train"),
        (("mnist", 10, 0, 10_001), r"data\.test 10001 asks for 10001 .*at most 10000.*test part"),
        (("digits", None, 0, None), r"data\.train and data\.test are null.*at most one null"),
        (("mnist", None, None, 10), r"data\.train and data\.validation are null"),
        (("mnist", -1, 0, 10), r"data\.train is -1"),
        (("mnist", 1.5, 0, 10), r"data\.train is 1\.5"),
        (("mnist", True, 0, 10), r"data\.train is True"),
        (("mnist_", 1, 0, 10), "did you mean 'mnist'"),
    ],
)
def test_wrong_counts(arguments, message, tmp_path):
    name, *counts = arguments
    with pytest.raises(StudyError, match=message):
        split_sizes(dataset(name), *counts)
    with pytest.raises(StudyError, match=message):  # before any file is looked for
        split_data(name, tmp_path / "absent", *counts, 0, tmp_path / "splits.csv")


def test_unwritable_output_and_wrong_seed(real_data, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match="cannot be written"):
        split_data("digits", real_data, 10, 0, 0, 0, tmp_path / "file/splits.csv")
    with pytest.raises(StudyError, match="seed of the splits is -1"):
        split_data("digits", real_data, 10, 0, 0, -1, tmp_path / "splits.csv")


def test_a_validation_split_from_the_test_part_leaves_every_training_sample() -> None:
    """The paper trains on all 60,000 samples; what is chosen on validation must still not be a test sample."""
    assert split_sizes(dataset("mnist"), None, 1000, None, "test") == {
        "train": 60_000,
        "validation": 1000,
        "test": 9000,
    }
    with pytest.raises(StudyError, match=r"data.validation 1000 \+ data.test 9500"):
        split_sizes(dataset("mnist"), None, 1000, 9500, "test")


def test_a_class_that_is_asked_about_and_absent_is_refused_with_the_counts(real_data, tmp_path):
    labels = read_parts("digits", real_data)["train"].targets
    table = draw(tmp_path, real_data, test=6)
    counts = np.bincount(labels[table[table["split"] == "test"]["source_index"]], minlength=10)
    absent = int(np.flatnonzero(counts == 0)[0])
    told = ", ".join(f"{digit} {count}" for digit, count in enumerate(counts))
    with pytest.raises(
        StudyError, match=rf"of class {absent}.* by class: {told}\); .*raise data\.test, or drop the"
    ):
        split_data("digits", real_data, 1000, 200, 6, 0, tmp_path / "refused.csv", every_class=["test"])
    assert not (tmp_path / "refused.csv").exists()
    split_data(
        "digits", real_data, 1000, 200, 6, 0, tmp_path / "one.csv", every_class=["train", "validation"]
    )
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "splits.csv").read_bytes()


def test_a_class_that_the_noise_empties_is_refused_with_the_counts(real_data, tmp_path):
    draw(tmp_path, real_data)
    matrix = np.eye(10)
    matrix[3] = np.eye(10)[5]
    given = (
        tmp_path / "splits.csv",
        "digits",
        real_data,
        "transition_matrix",
        {"matrix": matrix.tolist()},
        0,
    )
    noise_labels(*given, tmp_path / "labels.csv")
    with pytest.raises(
        StudyError, match=r"of class 3 it has no sample \(.*3 0, .*choose another noise, or drop"
    ):
        noise_labels(*given, tmp_path / "refused.csv", every_class=True)
