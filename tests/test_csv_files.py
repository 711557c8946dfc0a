"""A name that pandas reads as a missing value stays a name, wherever a table is read."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import pandas as pd
import pytest
from pandas._libs.parsers import STR_NA_VALUES

import hydra_steps
from hydra_steps.csv_files import read_csv, write_rows
from hydra_steps.tables.frames import read_tidy
from hydra_steps.tables.tidy import make_table, read_table, write_table

ROOT = Path(hydra_steps.__file__).parent.parent
NAMES = sorted(STR_NA_VALUES - {""})
READERS = [read_csv, read_table, lambda path: read_tidy(path, ["method"])]


def measured(name: str) -> dict:
    about = {"variant": name, "run": f"{name}-seed0", "seed": "0", "method": name, "query": name}
    return about | {"metric": "auroc", "n": 1, "value": math.nan}


@pytest.mark.parametrize("read", READERS)
def test_the_names_that_pandas_takes_for_missing_values_stay(tmp_path, read):
    write_table(make_table("detection", map(measured, [*NAMES, "1e3"])), tmp_path / "t.csv")
    table = read(tmp_path / "t.csv")
    for column in ("variant", "method", "query"):
        assert set(table[column]) == {*NAMES, "1e3"}
    assert table["value"].isna().all()
    assert pd.api.types.is_float_dtype(table["value"])


def test_an_empty_cell_is_missing_and_infinity_is_a_number(tmp_path):
    (tmp_path / "t.csv").write_text("method,value\nNA,\nnull,inf\n,1\n")
    table = read_csv(tmp_path / "t.csv")
    assert table["method"].fillna("").tolist() == ["NA", "null", ""]
    assert table["value"].fillna(-1).tolist() == [-1, math.inf, 1]


def test_rows_come_back_as_they_were_written(tmp_path):
    write_rows(
        tmp_path / "new" / "t.csv", ("method", "step", "value"), [("nan", 0.1, math.nan), ("b", 2, -math.inf)]
    )
    assert (tmp_path / "new" / "t.csv").read_text() == "method,step,value\nnan,0.1,\nb,2,-inf\n"
    table = read_csv(tmp_path / "new" / "t.csv")
    assert table["method"].tolist() == ["nan", "b"]
    assert table["value"].isna().tolist() == [True, False]


def test_no_other_module_reads_a_table_by_itself():
    files = [
        *(ROOT / "hydra_steps").rglob("*.py"),
        *(ROOT / "tools").rglob("*.py"),
        *(ROOT / "config").glob("*.py"),
    ]
    calls = {
        path.relative_to(ROOT).as_posix()
        for path in files
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr in ("read_csv", "read_table")
        and isinstance(node.value, ast.Name)
        and node.value.id in ("pd", "pandas")
    }
    # A user's own tables are read cell by cell, whatever they are separated by.
    assert calls == {"hydra_steps/csv_files.py", "hydra_steps/data/own/frames.py"}
