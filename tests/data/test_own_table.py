"""Rows of a user's own table: roles of columns, labels of any kind, what is missing, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hydra_steps.config.datasets import Dataset, dataset
from hydra_steps.config.split_sizes import split_sizes
from hydra_steps.data.describe import describe
from hydra_steps.data.raw import Part
from hydra_steps.data.run_data import read_parts
from hydra_steps.errors import StudyError

ROWS = 40


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a study is run, with the user's data in ``mine``."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    return tmp_path / "mine"


def rows(**columns: object) -> pd.DataFrame:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"age": draw.normal(50, 10, ROWS), "label": ["well", "ill"] * (ROWS // 2)})
    return frame.assign(**columns)


def read(frame: pd.DataFrame, name: str = "rows.csv", **options: object) -> tuple[Dataset, dict[str, Part]]:
    frame.to_parquet(f"mine/{name}") if name.endswith("parquet") else frame.to_csv(
        f"mine/{name}", index=False
    )
    given = {"file": name, **options}
    describe("table", "mine", given)
    return dataset("table", "mine", given), read_parts("table", "mine", given)


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet"])
def test_columns_have_their_roles_by_their_values(name: str) -> None:
    frame = rows(
        city=["Bern", "Ulm"] * (ROWS // 2), smokes=[True, False] * (ROWS // 2), room=[3, 7] * (ROWS // 2)
    )
    entry, parts = read(frame, name, categories=["room"])
    assert entry.columns == (
        "age",
        "city=Bern",
        "city=Ulm",
        "smokes=False",
        "smokes=True",
        "room=3",
        "room=7",
    )
    assert entry.scaled == (True, *[False] * 6)
    assert (entry.classes, entry.shape, entry.kind) == (("ill", "well"), (7,), "row")
    np.testing.assert_allclose(parts["train"].inputs[:, 0], frame["age"], rtol=1e-6)
    assert parts["train"].inputs[1].tolist()[1:] == [0, 1, 1, 0, 0, 1]
    assert parts["train"].targets.tolist() == [1, 0] * (ROWS // 2)
    assert parts["train"].shown is not None
    assert parts["train"].shown[1].endswith("city Ulm, smokes False, room 7")


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([1, 2, 3, 5], ("1", "2", "3", "5")),  # start at 1, with a gap
        ([10, 9, 9, 100], ("9", "10", "100")),  # by value, not by letters
        ([1.0, 2.0, 1.0, 2.0], ("1", "2")),
        (["NA", "None", "NA", "None"], ("NA", "None")),  # names of classes, not missing values
        (["no", "yes", "no", "yes"], ("no", "yes")),
    ],
)
def test_labels_of_any_kind(labels: list[object], classes: tuple[str, ...]) -> None:
    entry, parts = read(rows(label=labels * (ROWS // 4)))
    assert entry.classes == classes
    found = [entry.classes[target] for target in parts["train"].targets[:4]]
    assert found == [str(int(label)) if isinstance(label, float) else str(label) for label in labels]


def test_names_are_row_numbers_or_a_column() -> None:
    _, parts = read(rows())
    assert list(parts["train"].names or ())[:2] == ["row 1", "row 2"]
    _, parts = read(rows(patient=[f"{i:03d}" for i in range(ROWS)]), id="patient")
    assert list(parts["train"].names or ())[:2] == ["000", "001"]


def test_splits_by_a_column_or_by_files() -> None:
    where = ["train"] * 20 + ["val"] * 8 + ["test"] * 12
    entry, parts = read(rows(where=where), split="where")
    assert entry.parts == {"train": 20, "validation": 8, "test": 12}
    assert split_sizes(entry, None, None, None) == entry.parts
    rows().head(10).to_csv("mine/more.csv", index=False)
    entry, parts = read(rows(), test_file="more.csv")
    assert entry.parts == {"train": ROWS, "test": 10}
    assert list(parts["test"].names or ())[0] == "more.csv row 1"
    assert split_sizes(entry, None, None, None) == {"train": 36, "validation": 4, "test": 10}


def test_what_is_missing_is_refused_dropped_or_a_mean() -> None:
    gaps = rows(city=["Bern", "Ulm"] * (ROWS // 2))
    gaps.loc[3, "age"] = np.nan
    gaps.loc[5, "city"] = None
    with pytest.raises(
        StudyError, match=r"column age has no value \(''\) at row 4 \(1 such rows\).*data.missing"
    ):
        read(gaps)
    entry, _ = read(gaps, missing="drop")
    assert entry.parts == {"train": ROWS - 2}
    entry, parts = read(gaps, missing="mean")
    assert entry.columns == ("age", "city=Bern", "city=Ulm", "city=missing")
    assert np.isnan(parts["train"].inputs[3, 0])
    assert parts["train"].inputs[5, 1:].tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("columns", "options", "message"),
    [
        ({}, {"label": "labell"}, "data.label: there is no column 'labell'; what to do: did you mean 'label'"),
        ({}, {"file": "no.csv"}, "there is no file mine/no.csv"),
        ({}, {"ignore": ["nobody"]}, "data.ignore: there is no column 'nobody'"),
        ({}, {"ignore": ["age"]}, "no column left as an input"),
        ({"age": ["x", *range(ROWS - 1)]}, {}, "column age holds numbers, and 'x' at row 1 .1 such rows"),
        ({"age": [f"x{i}" for i in range(ROWS - 1)] + ["y"], "b": [f"t{i}" for i in range(ROWS)]},
         {"numbers": ["b"]}, "column age has 40 different texts|column b holds numbers"),
        ({"age": [np.inf] + [1.0] * (ROWS - 1)}, {}, "row 1 has the value inf"),
        ({"label": np.linspace(0, 1, ROWS)}, {}, "the label of row 2 is 0.0256.*, a real number"),
        ({"label": "one"}, {}, "has one label alone, 'one'"),
        ({"label": [f"p{i}" for i in range(ROWS)]}, {}, "40 different labels for 40 samples"),
        ({"label": ["a", "b", "a", ""] * 10}, {}, "row 4 has no label"),
        ({"part": ["train"] * 39 + ["tset"]}, {"split": "part"}, "row 40 is of the part 'tset'.*train 39, tset 1"),
        ({"label": ["a", "b"] * 19 + ["c", "c"], "part": ["train"] * 38 + ["test"] * 2}, {"split": "part"},
         "never shown .c 2 in test, 0 in train"),
        ({"label": ["a", "b"] * 20, "part": ["train"] * 38 + ["test"] * 2, "home": ["h"] * 40},
         {"split": "part", "group": "home"}, "group 'h' has samples in train and in test"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_message(
    columns: dict[str, object], options: dict[str, object], message: str
) -> None:
    rows(**columns).to_csv("mine/rows.csv", index=False)
    with pytest.raises(StudyError, match=message):
        describe("table", "mine", {"file": "rows.csv", **options})


def test_text_in_another_encoding() -> None:
    rows(city=["Zürich"] * ROWS).to_csv("mine/rows.csv", index=False, encoding="latin-1")
    with pytest.raises(StudyError, match=r"rows.csv is not utf-8: byte 0xfc .*set data.encoding"):
        describe("table", "mine", {"file": "rows.csv"})
    describe("table", "mine", {"file": "rows.csv", "encoding": "latin-1"})
    with pytest.raises(StudyError, match="data.encoding: unknown encoding: nothing"):
        describe("table", "mine", {"file": "rows.csv", "encoding": "nothing"})


def test_numbers_in_place_of_a_class() -> None:
    weight = np.arange(ROWS, dtype=np.float64) ** 2
    entry, parts = read(rows(weight=weight).drop(columns="label"), targets=["weight"])
    assert (entry.asks, entry.outputs, entry.classes, entry.columns) == ("numbers", ("weight",), (), ("age",))
    expected = (weight - weight.mean()) / weight.std()
    np.testing.assert_allclose(parts["train"].targets[:, 0], expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(StudyError, match="column weight has no value .* at row 2"):
        read(rows(weight=[1.0, None] * (ROWS // 2)), targets=["weight"])
    with pytest.raises(StudyError, match="column weight holds numbers, and 'heavy' at row 1"):
        read(rows(weight="heavy"), targets=["weight"])


def test_several_labels_in_place_of_a_class() -> None:
    entry, parts = read(
        rows(cough=[0, 1] * 20, fever=[1, 1] * 20, label="x"), labels=["cough", "fever"], ignore=["label"]
    )
    assert (entry.asks, entry.outputs) == ("labels", ("cough", "fever"))
    assert parts["train"].targets[:2].tolist() == [[0, 1], [1, 1]]
    with pytest.raises(StudyError, match="a label of row 2 is 2; expected: 0 or 1"):
        read(rows(cough=[0, 2] * 20), labels=["cough"], ignore=["label"])
    with pytest.raises(StudyError, match="data.labels and data.targets are both given"):
        read(rows(cough=0), labels=["cough"], targets=["age"])
