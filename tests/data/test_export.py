"""Data with corrected labels come out in the form in which they came in, and are read again as they were decided."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hydra_steps.config.datasets import dataset
from hydra_steps.data.describe import describe
from hydra_steps.data.export.changes import Change
from hydra_steps.data.export.export import export_data
from hydra_steps.data.run_data import read_parts
from hydra_steps.errors import StudyError

CLASSES = ["ant", "bee", "cat"]
MANY = 12


def label_of(n):
    return CLASSES[n % 3]


def picture(path, shade):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((4, 5), shade, np.uint8)).save(path)


def folders(home):
    for n in range(MANY):
        picture(home / label_of(n) / "deep" / f"{n // 3}.png", 10 * n)  # the same names in all classes
    return "images", {}


def split_folders(home):
    for n in range(MANY):
        picture(home / ("test" if n > 8 else "train") / label_of(n) / f"{n}.png", 10 * n)
    return "images", {}


def listed_pictures(home):
    for n in range(MANY):
        picture(home / "all" / f"{n}.png", 10 * n)
    rows = [{"path": f"all/{n}.png", "kind": label_of(n), "note": "a, b"} for n in range(MANY)]
    pd.DataFrame(rows).to_csv(home / "list.csv", index=False)
    return "images", {"file": "list.csv", "label": "kind"}


def rows(n):
    gap = "" if n == 5 else str(n / 2)
    return {"name": f"row{n}", "size": gap, "class": label_of(n), "note": "NA"}


def csv_file(home):
    pd.DataFrame([rows(n) for n in range(MANY)]).to_csv(
        home / "t.csv", index=False, sep=";", encoding="utf-16"
    )
    options = {"file": "t.csv", "label": "class", "id": "name", "ignore": ["note"], "missing": "drop"}
    return "table", options | {"separator": ";", "encoding": "utf-16"}


def parquet_files(home):
    frame = pd.DataFrame([rows(n) | {"size": n, "class": n % 3 + 7} for n in range(MANY)])
    frame[:9].to_parquet(home / "a.parquet")
    frame[9:].to_parquet(home / "b.parquet")
    options = {
        "file": "a.parquet",
        "test_file": "b.parquet",
        "label": "class",
        "id": "name",
        "ignore": ["note"],
    }
    return "table", options


def json_lines(home):
    lines = [
        json.dumps({"body": f"word{n} and {label_of(n)}\u2028too", "stars": n % 3, "more": [n]})
        for n in range(MANY)
    ]
    (home / "t.jsonl").write_text("\n\n".join(lines), encoding="utf-8")
    return "texts", {"file": "t.jsonl", "text": "body", "label": "stars"}


def npz(home):
    inputs = np.arange(MANY * 6, dtype=np.float32).reshape(MANY, 2, 3)
    ids = np.array([f"s{n}" for n in range(MANY)])
    np.savez(
        home / "t.npz", x=inputs, y=np.array([label_of(n) for n in range(MANY)]), ids=ids, about=np.array(3)
    )
    return "arrays", {"file": "t.npz", "inputs": "x", "labels": "y", "names": "ids"}


def npy(home):
    inputs = np.arange(MANY * 6, dtype=np.uint8).reshape(MANY, 1, 2, 3)
    for name, own in (("train", slice(0, 9)), ("test", slice(9, MANY))):
        np.save(home / f"{name}.npy", inputs[own])
        np.save(home / f"{name}-y.npy", np.arange(MANY)[own] % 3 == 1)
    files = {
        "file": "train.npy",
        "labels": "train-y.npy",
        "test_file": "test.npy",
        "test_labels": "test-y.npy",
    }
    return "arrays", files


def saved(home):
    from datasets import ClassLabel, Dataset, Features, Image, Value

    pictures = [{"bytes": None, "path": str(home.parent / f"{n}.png")} for n in range(MANY)]
    for n in range(MANY):
        picture(home.parent / f"{n}.png", 10 * n)
    features = Features({"id": Value("string"), "image": Image(), "label": ClassLabel(names=CLASSES)})
    columns = {"id": [f"s{n}" for n in range(MANY)], "image": pictures, "label": [n % 3 for n in range(MANY)]}
    Dataset.from_dict(columns, features=features).save_to_disk(str(home))
    return "huggingface", {"id": "id"}


def content(name, folder, options):
    """Each sample as it is read: its inputs → its class, by part."""
    describe(name, folder, options)
    entry = dataset(name, folder, options)
    parts = read_parts(name, folder, options)
    found = {
        part: [
            (None if name in ("texts", "table") else np.asarray(one).tobytes(), shown, entry.classes[label])
            for one, shown, label in zip(
                read.inputs, read.shown or [""] * len(read.targets), read.targets, strict=True
            )
        ]
        for part, read in parts.items()
    }
    return entry, parts, found


@pytest.mark.parametrize(
    "make",
    [folders, split_folders, listed_pictures, csv_file, parquet_files, json_lines, npz, npy, saved],
)
def test_what_is_written_is_read_as_decided(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    home, out = tmp_path / "came" / "data", tmp_path / "cleaned"
    home.mkdir(parents=True)
    name, options = make(home)
    original = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    entry, parts, before = content(name, home, options)
    classes = len(entry.classes)
    changes, expected = {}, {}
    for part, read in parts.items():
        targets = read.targets.tolist()
        label = {0: (targets[0] + 1) % classes, 1: (targets[1] + 1) % classes}
        changes[part] = Change(label, frozenset({2}))
        expected[part] = [
            (inputs, shown, entry.classes[label.get(at, targets[at])])
            for at, (inputs, shown, _) in enumerate(before[part])
            if at != 2
        ]
    export_data(entry, parts, changes, out)
    _, again, after = content(name, out, options)
    assert {part: sorted(map(repr, rows)) for part, rows in after.items()} == {
        part: sorted(map(repr, rows)) for part, rows in expected.items()
    }
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == original
    if name != "images" or options:  # else the folder of its class is part of a picture's name
        kept = {part: [one for at, one in enumerate(read.names) if at != 2] for part, read in parts.items()}
        named = name == "images" or {"id", "names"} & set(options)
        assert not named or {part: list(read.names) for part, read in again.items()} == kept


def test_other_cells_and_rows_that_are_no_samples_stay(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "came"
    home.mkdir()
    name, options = csv_file(home)
    entry, parts, _ = content(name, home, options)
    export_data(entry, parts, {"train": Change({5: 0}, frozenset({0}))}, tmp_path / "cleaned")
    came, cleaned = (
        pd.read_csv(at / "t.csv", sep=";", encoding="utf-16", dtype=str, keep_default_na=False)
        for at in (home, tmp_path / "cleaned")
    )
    assert "row5" in cleaned["name"].tolist()  # it has an empty cell, and no sample was made of it
    expected = (
        came[1:].assign(**{"class": came["class"].mask(came["name"] == "row6", "ant")}).reset_index(drop=True)
    )
    pd.testing.assert_frame_equal(cleaned, expected)


def test_data_that_come_with_the_package_become_arrays_and_a_table(tmp_path):
    entry, parts = dataset("digits"), read_parts("digits", tmp_path)
    export_data(entry, parts, {"train": Change({1: 7}, frozenset({0}))}, tmp_path / "out")
    with np.load(tmp_path / "out" / "train.npz") as found:
        assert np.array_equal(found["inputs"], parts["train"].inputs[1:])
        assert found["labels"][:2].tolist() == ["7", str(parts["train"].targets[2])]
    table = pd.read_csv(tmp_path / "out" / "train.csv", dtype=str)
    assert table["source_index"].tolist()[:2] == ["1", "2"]
    assert table["label"][0] == "7"


def test_it_is_not_written_among_what_it_is_read_from(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "came"
    home.mkdir()
    name, options = folders(home)
    entry, parts, _ = content(name, home, options)
    with pytest.raises(StudyError, match="lies in the folder"):
        export_data(entry, parts, {}, home / "results" / "cleaned")
