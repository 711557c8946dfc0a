"""Tables: columns, the summary over seeds, and bytes that repeat."""

import math

import numpy as np
import pandas as pd
import pytest

from hydra_steps.errors import StudyError
from hydra_steps.registry import names
from hydra_steps.tables.tidy import (
    LEADING,
    TRAILING,
    columns_of,
    make_table,
    read_table,
    summarise_over_seeds,
    write_table,
)


def row(seed: int, value: float, **more) -> dict:
    about = {"variant": "base", "run": f"base-seed{seed}", "seed": str(seed), "method": "m", "query": "q"}
    return about | {"metric": "auroc", "n": 10, "value": value} | more


@pytest.mark.parametrize("name", names("table"))
def test_every_table_starts_and_ends_alike(name):
    columns = columns_of(name)
    assert columns[: len(LEADING)] == LEADING
    assert columns[-len(TRAILING) :] == TRAILING
    assert tuple(make_table(name, []).columns) == columns


def test_the_summary_is_the_mean_with_the_spread():
    table = make_table(
        "detection",
        [
            row(0, 0.5, fraction=0.1, ci_low=0.4, ci_high=0.6),
            row(1, 0.8, fraction=0.1, ci_low=0.6, ci_high=1.0),
            row(2, 0.2, fraction=0.1, n=8),
            row(0, 0.9, fraction=0.2),
        ],
    )
    summary = table[table["seed"] == "all"].set_index("fraction")
    assert list(summary["run"]) == ["base", "base"]
    three, one = summary.loc[0.1], summary.loc[0.2]
    assert three["value"] == pytest.approx((0.5 + 0.8 + 0.2) / 3)
    assert three["sd_seeds"] == pytest.approx(math.sqrt((0.0**2 + 0.3**2 + 0.3**2) / 2))
    half = 4.302652730 * three["sd_seeds"] / 3**0.5  # Student's, on the scale of a share's logarithmic odds
    expected = 1 / (1 + math.exp(4 * half)), 1 / (1 + math.exp(-4 * half))
    assert (three["ci_low"], three["ci_high"]) == pytest.approx(expected)
    assert three["n"] == 8
    assert one["value"] == 0.9
    assert math.isnan(one["sd_seeds"])
    assert math.isnan(one["ci_low"])
    assert table[table["seed"] != "all"]["sd_seeds"].isna().all()


def test_the_interval_of_the_mean_is_of_the_mean():
    """Of three runs on Student's; of two from end to end; of one its own; of runs without intervals none."""
    ends = {"ci_low": 0.45, "ci_high": 0.55}
    runs = [row(0, 0.50) | ends, row(1, 0.52) | ends | {"ci_high": 0.6}, row(2, 0.51) | ends]
    found = []
    for count in (1, 2, 3):
        table = make_table("detection", runs[:count])
        found.append(tuple(table.loc[table["seed"] == "all", ["ci_low", "ci_high"]].iloc[0]))
    half = 4.302652730 * 0.01 / 3**0.5
    assert found == [(0.45, 0.55), (0.45, 0.6), pytest.approx((0.51 - half, 0.51 + half), abs=1e-4)]
    bare = make_table("detection", [row(seed, 0.5 + seed / 10) for seed in range(3)])
    assert bare["ci_low"].isna().all()
    undefined = make_table("detection", [*runs[:2], row(2, math.nan) | ends])
    assert undefined.loc[undefined["seed"] == "all", "ci_low"].isna().all()


def test_an_undefined_seed_leaves_the_summary_undefined():
    table = make_table("detection", [row(0, 0.5), row(1, math.nan)])
    summary = table[table["seed"] == "all"].iloc[0]
    assert math.isnan(summary["value"])
    assert math.isnan(summary["sd_seeds"])


def test_variants_and_missing_keys_stay_apart():
    rows = [row(0, 0.1), row(0, 0.3, fraction=0.1), row(0, 0.7) | {"variant": "other", "run": "other-seed0"}]
    assert (make_table("detection", rows)["seed"] == "all").sum() == 3


def test_summarising_twice_changes_nothing():
    table = make_table("detection", [row(0, 0.1), row(1, 0.2)])
    pd.testing.assert_frame_equal(summarise_over_seeds(table), table)


def test_an_unknown_column_is_a_programming_error():
    with pytest.raises(ValueError, match="fractoin"):
        make_table("detection", [row(0, 0.1, fractoin=0.1)])


def test_the_order_of_the_rows_does_not_show_in_the_file(tmp_path):
    rows = [row(seed, seed / 7, fraction=f) for seed in (0, 1, 2, 10) for f in (0.1, 0.05)]
    write_table(make_table("detection", rows), tmp_path / "a.csv")
    write_table(make_table("detection", rows[::-1]), tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert not list(tmp_path.glob("*.partial"))


def test_the_file_is_exactly_this(tmp_path):
    write_table(make_table("training", [row(0, 1 / 3, epoch=2), row(0, -0.0, epoch=1)]), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_bytes().decode() == (
        "variant,run,seed,method,query,metric,epoch,n,value,ci_low,ci_high,sd_seeds\n"
        "base,base,all,m,q,auroc,1,10,0,,,\n"
        "base,base,all,m,q,auroc,2,10,0.3333333333,,,\n"
        "base,base-seed0,0,m,q,auroc,1,10,0,,,\n"
        "base,base-seed0,0,m,q,auroc,2,10,0.3333333333,,,\n"
    )


def test_reading_gives_back_what_was_written(tmp_path):
    table = make_table("detection", [row(0, 0.25, fraction=0.5), row(1, 0.5, method="")])
    write_table(table, tmp_path / "t.csv")
    found = read_table(tmp_path / "t.csv")
    write_table(found, tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "t.csv").read_bytes()
    assert set(found["seed"]) == {"0", "1", "all"}
    assert "" in set(found["method"])
    assert found["value"].dtype == np.float64


def test_empty_tables_have_their_header(tmp_path):
    write_table(make_table("agreement", []), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text().count("\n") == 1
    assert read_table(tmp_path / "t.csv").empty


def test_an_absent_table_is_refused(tmp_path):
    with pytest.raises(StudyError, match="no table"):
        read_table(tmp_path / "none.csv")
