"""A user's own arrays, and what every kind of own data shares: splits, scaling, names, and files that change."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hydra_steps.config import resolve_study
from hydra_steps.config.datasets import dataset
from hydra_steps.config.descriptions import CHANGED, ensure_described, prepared_folder
from hydra_steps.config.whole_groups import whole_groups
from hydra_steps.data import load_run_data, noise_labels, split_data
from hydra_steps.data.describe import describe
from hydra_steps.data.run_data import RunData, read_parts
from hydra_steps.errors import StudyError

DRAW = np.random.default_rng(0)
INPUTS = DRAW.normal(3.0, 2.0, (60, 4)).astype(np.float32)
LABELS = np.arange(60) % 3


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    return tmp_path / "mine"


def save(**arrays: np.ndarray) -> dict[str, object]:
    np.savez("mine/data.npz", **({"inputs": INPUTS, "labels": LABELS} | arrays))
    return {"file": "data.npz"}


def run_data(options: dict[str, object], **splits: object) -> RunData:
    sizes: dict[str, object] = {"train": None, "validation": None, "test": None, "seed": 0} | splits
    describe("arrays", "mine", options)
    split_data("arrays", "mine", **sizes, output="splits.csv", options=options)  # type: ignore[arg-type]
    noise_labels("splits.csv", "arrays", "mine", "none", {}, 0, "labels.csv", source=options)
    return load_run_data("arrays", "mine", "splits.csv", "labels.csv", options=options)


def test_inputs_are_standardised_by_the_training_split_alone() -> None:
    found = run_data(save())
    assert (len(found.train), len(found.validation), len(found.test)) == (42, 6, 12)
    np.testing.assert_allclose(found.train.inputs.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(found.train.inputs.std(0), 1, rtol=1e-5)
    train, test = (INPUTS[part.source_index] for part in (found.train, found.test))
    np.testing.assert_allclose(found.test.inputs, (test - train.mean(0)) / train.std(0), rtol=1e-4, atol=1e-5)


def test_what_is_constant_is_centred_and_what_is_not_asked_for_is_left() -> None:
    inputs = INPUTS.copy()
    inputs[:, 2] = 7.0
    assert not run_data(save(inputs=inputs)).train.inputs[:, 2].any()
    options = save() | {"standardise": False}
    np.testing.assert_array_equal(
        run_data(options).train.inputs, INPUTS[run_data(options).train.source_index]
    )


@pytest.mark.parametrize("dtype", ["uint8", "int64", "float64", "bool"])
def test_numbers_of_any_type(dtype: str) -> None:
    values = (INPUTS > 3).astype(dtype) if dtype == "bool" else np.abs(INPUTS).astype(dtype)
    options = save(inputs=values)
    describe("arrays", "mine", options)
    found = read_parts("arrays", "mine", options)["train"].inputs
    np.testing.assert_array_equal(found, values.astype(found.dtype))
    assert isinstance(found, np.memmap)


def test_files_of_one_array_each_and_a_test_of_their_own() -> None:
    for name, array in {
        "x": INPUTS,
        "y": LABELS.astype(str),
        "xt": INPUTS[:9],
        "yt": LABELS[:9].astype(str),
    }.items():
        np.save(f"mine/{name}.npy", array)
    options = {"file": "x.npy", "labels": "y.npy", "test_file": "xt.npy", "test_labels": "yt.npy"}
    describe("arrays", "mine", options)
    assert dataset("arrays", "mine", options).parts == {"train": 60, "test": 9}


def test_names_come_into_the_splits() -> None:
    options = save(names=np.array([f"P{i:02d}" for i in range(60)])) | {"names": "names"}
    run_data(options)
    table = pd.read_csv("splits.csv")
    assert table["name"].tolist() == [f"P{i:02d}" for i in table["source_index"]]


def test_pictures_with_channels_last() -> None:
    images = DRAW.integers(0, 256, (60, 5, 4, 3)).astype(np.uint8)
    options = save(inputs=images) | {"channels_last": True}
    describe("arrays", "mine", options)
    entry = dataset("arrays", "mine", options)
    assert (entry.shape, entry.kind, entry.white) == ((3, 5, 4), "image", 255.0)
    found = run_data(options).train.inputs
    np.testing.assert_allclose(found.mean((0, 2, 3)), 0, atol=1e-5)


def test_a_class_of_one_sample_is_trained_on() -> None:
    labels = np.array([0] * 50 + [1] * 9 + [2])
    found = run_data(save(labels=labels))
    assert 2 in found.train.targets
    assert 2 not in [*found.test.targets, *found.validation.targets]


def test_a_class_without_a_training_sample_is_refused_with_the_counts() -> None:
    with pytest.raises(StudyError, match=r"never shown \(1 10 in test, 0 in train"):
        run_data(save(), train=2, validation=10, test=30)


@pytest.mark.parametrize(
    ("arrays", "options", "message"),
    [
        ({}, {"inputs": "input"}, "no array 'input'; what to do: did you mean 'inputs'"),
        ({}, {"file": ""}, "data.file is not given"),
        ({"labels": LABELS[:-1]}, {}, r"inputs \[60, 4\] and labels \[59\]"),
        ({"labels": LABELS + 0.5}, {}, "label of sample 0 is 0.5, a real number"),
        ({"inputs": INPUTS[:, 0]}, {}, r"the inputs are float32 \[60\]"),
        ({"inputs": INPUTS.astype(str)}, {}, "the inputs are <U"),
        ({"inputs": np.where(np.arange(240).reshape(60, 4) == 9, np.nan, INPUTS)}, {},
         r"sample 2 has the value nan at \[1\]"),
        ({"inputs": INPUTS[:0], "labels": LABELS[:0]}, {}, "has 0 samples"),
        ({"labels": np.array([{}] * 60)}, {}, "it holds Python objects"),
        ({"names": np.array(["a"])}, {"names": "names"}, "data.names has 1 values"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_message(
    arrays: dict[str, np.ndarray], options: dict[str, object], message: str
) -> None:
    given = save(**arrays) | options
    with pytest.raises(StudyError, match=message):
        describe("arrays", "mine", given)


def test_damaged_files_and_missing_folders() -> None:
    Path("mine/data.npz").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(StudyError, match=r"mine/data.npz cannot be read"):
        describe("arrays", "mine", {"file": "data.npz"})
    with pytest.raises(StudyError, match="data.folder: there is no folder nowhere"):
        describe("arrays", "nowhere", {"file": "data.npz"})


def test_a_plan_describes_the_data_and_says_what_changed() -> None:
    study = {"data": {"name": "arrays", "folder": "mine", **save()}, "model": {"name": "logistic"}, "queries":
             [{"kind": "mean_loss"}]}  # fmt: skip
    resolved = resolve_study(study)
    assert (resolved["data"]["train"], resolved["data"]["labels"]) == (None, "labels")
    home = prepared_folder("arrays", "mine", {"file": "data.npz"})
    manifest = home / "manifest.json"
    before = manifest.stat().st_mtime_ns
    told = json.loads(manifest.read_text())
    assert [row["file"] for row in told["files"]] == ["data.npz"]
    resolve_study(study)
    assert manifest.stat().st_mtime_ns == before, "unchanged data are not described again"
    save(labels=(LABELS + 1) % 3)
    with pytest.raises(StudyError, match=r"no longer what the study began with: data.npz changed"):
        read_parts("arrays", "mine", {"file": "data.npz"})
    resolve_study(study)
    assert "mine: data.npz changed. What was made from it is made again." in CHANGED[home]
    assert (
        read_parts("arrays", "mine", {"file": "data.npz"})["train"].targets.tolist()
        == ((LABELS + 1) % 3).tolist()
    )


def test_a_refusal_reaches_the_plan() -> None:
    with pytest.raises(StudyError, match="row 3|data.file is not given"):
        ensure_described("arrays", "mine", {})
    with pytest.raises(
        StudyError, match=r"arrays in mine have not|manifest.json is missing.*check the study"
    ):
        dataset("arrays", "mine", {})


def test_groups_stay_whole() -> None:
    groups = np.repeat([f"g{number}" for number in range(15)], [1, 7, 3, 5, 2, 6, 4, 4, 1, 7, 3, 5, 2, 6, 4])
    options = save(groups=groups) | {"groups": "groups"}
    found = run_data(options)
    table = pd.read_csv("splits.csv").assign(group=lambda rows: groups[rows["source_index"]])
    assert (table.groupby("group")["split"].nunique() == 1).all()
    assert len(table) == 60
    assert [len(part) for part in (found.train, found.validation, found.test)] == [42, 6, 12]
    assert len(run_data(options, test=29, train=13, validation=10).train) == 13


@pytest.mark.parametrize("seed", range(4))
def test_whole_groups_keep_the_classes_shares(seed: int) -> None:
    sizes = [
        1,
        2,
        3,
        4,
    ] * 50  # patients of one class each: a tenth, three tenths and six tenths of the samples
    classes = [0] * 20 + [1] * 60 + [2] * 120
    groups = [[size * (c == k) for k in range(3)] for size, c in zip(sizes, classes, strict=True)]
    drawn = whole_groups(groups, {"test": 100, "validation": 50}, {"test": True, "validation": True}, seed)
    for split, count in (("test", 100), ("validation", 50)):
        counts = np.sum([groups[place] for place in drawn[split]], axis=0)
        assert counts.sum() == count
        assert (
            np.abs(counts - count * np.array([0.1, 0.3, 0.6])).max() <= 4
        )  # less than the largest group and one
    assert not {*drawn["test"]} & {*drawn["validation"]}


def test_numbers_that_no_groups_have_are_refused() -> None:
    options = save(groups=np.repeat(np.arange(20), 3)) | {"groups": "groups"}
    with pytest.raises(
        StudyError, match=r"data.test is 10, and no groups .*groups: 20, the largest 3.*such as 9"
    ):
        run_data(options, test=10)
    assert len(run_data(options).test) == 12
    with pytest.raises(StudyError, match=r"data.test 66 asks for 66 samples of arrays"):
        run_data(options, test=66)


@pytest.mark.parametrize(
    ("asks", "labels"), [("numbers", INPUTS[:, 0]), ("labels", (INPUTS > 3).astype(int))]
)
def test_what_is_asked_for_instead_of_a_class(asks: str, labels: np.ndarray) -> None:
    options = save(labels=labels) | {"asks": asks}
    found = run_data(options)
    assert found.asks == asks
    assert len(found.outputs) == (1 if asks == "numbers" else 4)
    expected = (labels - labels.mean()) / labels.std() if asks == "numbers" else labels
    np.testing.assert_allclose(
        found.train.targets.squeeze(), expected[found.train.source_index], rtol=1e-5, atol=1e-6
    )


PLUGIN = '''
import numpy as np
import hydra_steps.plugins as hs

@hs.dataset("coins", reads=["*.txt"])
def coins(folder, weight: float = 1.0):
    """Coins, one a line."""
    lines = [line.split() for line in (folder / "coins.txt").read_text().splitlines()]
    inputs = np.array([[weight * float(size)] for _, size in lines], np.float32)
    return hs.Samples(inputs, [kind for kind, _ in lines], [f"coin {i}" for i in range(len(lines))])
'''


def test_a_plugin_of_unknown_size_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYDRA_STEPS_PLUGINS", "")
    Path("mine.py").write_text(PLUGIN)
    Path("mine/coins.txt").write_text("\n".join(f"{'euro' if i % 2 else 'franc'} {i}" for i in range(300)))
    study = {"plugins": ["mine.py"], "data": {"name": "coins", "folder": "mine", "weight": 2}, "queries":
             [{"kind": "mean_loss"}], "model": {"name": "logistic"}}  # fmt: skip
    resolve_study(study)
    entry = dataset("coins", "mine", {"weight": 2.0})
    assert (entry.classes, entry.shape, entry.parts) == (("euro", "franc"), (1,), {"train": 300})
    assert read_parts("coins", "mine", {"weight": 2.0})["train"].inputs[3, 0] == 6.0
