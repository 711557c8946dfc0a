"""The arrays of a run: standardised as documented, tied to its CSV files, with a digest that tells runs
apart."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from hydra_steps.config.datasets import dataset, padded_shape
from hydra_steps.data import load_run_data, noise_labels, split_data
from hydra_steps.data.run_data import read_parts
from hydra_steps.data.scaling import scaling_of, standardise
from hydra_steps.errors import StudyError


@pytest.fixture
def files(real_data, tmp_path):
    """Make a run's CSV files: ``files(name, train, validation, test) -> arguments of load_run_data``."""

    def make(name="digits", train=60, validation=20, test=30, kind="symmetric", rate=0.2):
        splits, labels = tmp_path / "splits.csv", tmp_path / "labels.csv"
        split_data(name, real_data, train, validation, test, 0, splits)
        noise_labels(splits, name, real_data, kind, {"rate": rate}, 0, labels)
        return name, real_data, splits, labels

    return make


@pytest.mark.parametrize("name", ["digits", "mnist", "fashion_mnist"])
def test_real_run(files, real_data, name):
    data = load_run_data(*files(name))
    assert (data.name, data.classes) == (name, dataset(name).classes)
    assert [len(split) for split in (data.train, data.validation, data.test)] == [60, 20, 30]
    assert data.is_noisy.sum() == 12
    np.testing.assert_array_equal(data.is_noisy, data.train.targets != data.clean_targets)
    entry, parts = dataset(name), read_parts(name, real_data)
    for split, part in ((data.train, "train"), (data.test, "test" if "test" in parts else "train")):
        raw = parts[part].inputs[split.source_index].astype(np.float64)
        assert split.inputs.dtype == np.float32
        assert split.inputs.shape == (len(split), *entry.shape) == (len(split), *padded_shape(entry))
        np.testing.assert_allclose(
            split.inputs, (raw / entry.white - entry.mean) / entry.std, rtol=0, atol=2e-6
        )
    np.testing.assert_array_equal(data.clean_targets, parts["train"].targets[data.train.source_index])
    np.testing.assert_array_equal(
        data.test.targets, parts["test" if "test" in parts else "train"].targets[data.test.source_index]
    )


def test_mnist_in_full(files):
    data = load_run_data(*files("mnist", None, 5000, None))
    assert [len(split) for split in (data.train, data.validation, data.test)] == [55_000, 5000, 10_000]
    assert data.is_noisy.sum() == 11_000
    pixels = np.concatenate([data.train.inputs, data.validation.inputs]).astype(np.float64)
    assert abs(pixels.mean()) < 1e-3
    assert abs(pixels.std() - 1) < 1e-3


def test_padding_and_channels(files):
    arguments = files("fashion_mnist", 5, 1, 1)
    plain, padded = load_run_data(*arguments), load_run_data(*arguments, pad=2, channels=3)
    assert padded.train.inputs.shape == (5, 3, 32, 32) == (5, *padded_shape(dataset("fashion_mnist"), 2, 3))
    for channel in range(3):
        np.testing.assert_array_equal(padded.train.inputs[:, [channel], 2:-2, 2:-2], plain.train.inputs)
    black = np.float32(0 - 0.2860) / np.float32(0.3530)
    np.testing.assert_allclose(padded.train.inputs[:, :, 0], black, rtol=1e-6)
    assert padded.digest != plain.digest
    with pytest.raises(StudyError, match=r"data\.pad is -1"):
        load_run_data(*arguments, pad=-1)
    with pytest.raises(StudyError, match=r"data\.channels is 0"):
        load_run_data(*arguments, channels=0)
    with pytest.raises(StudyError, match=r"data\.channels is 1 and the images of cifar10 have 3"):
        padded_shape(dataset("cifar10"), 0, 1)


def test_constants_per_channel():
    entry = dataset("cifar10")
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 32, 32), dtype=np.uint8)
    made = standardise(images, scaling_of(entry, images))
    for c in range(3):
        expected = (images[:, c] / 255.0 - entry.mean[c]) / entry.std[c]
        np.testing.assert_allclose(made[:, c], expected, atol=2e-6)


def test_digest_tells_runs_apart_and_is_the_same_in_another_process(files):
    arguments = files("digits")
    digest = load_run_data(*arguments).digest
    code = (
        "import sys; from hydra_steps.data import load_run_data; print(load_run_data(*sys.argv[1:]).digest)"
    )
    command = [sys.executable, "-c", code, *map(str, arguments)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == digest
    assert load_run_data(*files("digits", rate=0.3)).digest != digest
    assert load_run_data(*files("digits", test=31)).digest != digest
    assert load_run_data(*files("digits")).digest == digest
    # Pinned: an other version of a dependency must not change the data unnoticed.
    assert digest == "b1c5e873c6dd85d228f89a0d6989f3be6473d7feb41383058b92c9d32de9e714"


def test_empty_splits(files):
    data = load_run_data(*files("mnist", 0, 0, 0))
    assert data.train.inputs.shape == (0, 1, 28, 28)
    assert data.is_noisy.shape == data.clean_targets.shape == (0,)


def line(path, number, text):
    lines = path.read_text().splitlines()
    lines[number : number + 1] = [text] if text else []
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("file", "number", "text", "message"),
    [
        ("labels", 0, "index,label,clean,is_noisy", "has the columns index, label, clean, is_noisy"),
        ("labels", 60, "", r"has 59 rows.*60, the training samples of .*splits\.csv"),
        ("labels", 60, "59,3", "no whole number|cannot be read"),
        ("labels", 60, "59,a,3,1", "column label that is no whole number"),
        ("labels", 60, "59,3.5,3,1", "column label that is no whole number"),
        ("labels", 60, "60,3,3,0", "out of order"),
        ("labels", 60, "59,10,3,1", "has the label 10"),
        ("labels", 60, "59,3,-1,1", "has the clean_label -1"),
        ("labels", 60, "59,3,3,1", "is_noisy that contradicts"),
        ("labels", 60, "59,3,3,0,7,7", "cannot be read"),
        ("splits", 0, "split,index,source", "cannot be read|has the columns"),
        ("splits", 1, "training,0,train,0", "a split called 'training'"),
        ("splits", 1, "train,0,test,0", "a source called 'test'"),
        ("splits", 1, "train,5,train,0", "split train is out of order"),
        ("splits", 1, "train,0,train,1797", "source_index .* to 1797"),
        ("splits", 1, "train,0,train,-1", "source_index -1"),
        ("splits", 1, "train,0,train,x", "column source_index that is no whole number"),
    ],
)
def test_malformed_tables(files, file, number, text, message):
    arguments = files("digits")
    line(arguments[2 if file == "splits" else 3], number, text)
    with pytest.raises(StudyError, match=message):
        load_run_data(*arguments)


def test_tables_that_do_not_belong_together(files, real_data, tmp_path):
    name, folder, splits, labels = files("digits")
    other = tmp_path / "other.csv"
    split_data(name, real_data, 60, 20, 30, 7, other)
    with pytest.raises(
        StudyError, match=r"labels\.csv says that the clean label of sample \d+ is .*run noise_labels"
    ):
        load_run_data(name, folder, other, labels)
    twice = splits.read_text().splitlines()
    twice[2] = twice[1].replace("train,0,", "train,1,")
    splits.write_text("\n".join(twice) + "\n")
    with pytest.raises(StudyError, match="twice"):
        load_run_data(name, folder, splits, labels)
    with pytest.raises(StudyError, match=r"absent\.csv is missing"):
        load_run_data(name, folder, tmp_path / "absent.csv", labels)
    labels.write_bytes(b"")
    with pytest.raises(StudyError, match="cannot be read"):
        load_run_data(name, folder, other, labels)
    labels.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StudyError, match="cannot be read"):
        load_run_data(name, folder, other, labels)


def test_a_new_dataset_is_one_entry(tiny, write_tiny, tmp_path):
    write_tiny(tmp_path / "tiny")
    tiny(name="tiny2", mean=[0.5], std=[0.25])
    (tmp_path / "tiny").rename(tmp_path / "tiny2")
    splits, labels = tmp_path / "s.csv", tmp_path / "l.csv"
    split_data("tiny2", tmp_path, 12, 6, None, 0, splits)
    noise_labels(splits, "tiny2", tmp_path, "pair_flip", {"rate": 0.5}, 0, labels)
    data = load_run_data("tiny2", tmp_path, splits, labels)
    assert data.train.inputs.shape == (12, 1, 4, 3)
    assert data.is_noisy.sum() == 6
