"""The summary of a study of several variants says of each what the tables say."""

import pandas as pd
import pytest

from hydra_steps.report.headline import headline_columns
from hydra_steps.report.overview import overview
from hydra_steps.report.variant_tables import VariantTables
from hydra_steps.report.words import percent
from hydra_steps.tables.frames import read_tidy
from hydra_steps.tables.queries import read_queries_table
from tests.helpers.figure_tables import Tables
from tests.report.conftest import make_report

VARIANTS = ("one", "other")


@pytest.fixture
def studies(tmp_path):
    paths = Tables(tmp_path, variants=VARIANTS).all()
    tables = {name: read_tidy(path, []) for name, path in paths.items() if path.suffix == ".csv"}
    tables = {name: table for name, table in tables.items() if {"variant", "seed"} <= set(table.columns)}
    return {
        v: VariantTables(
            {name: table[table["variant"] == v] for name, table in tables.items()},
            queries=read_queries_table(paths["queries"]),
        )
        for v in VARIANTS
    }


def _made(studies):
    return overview(studies, {name: headline_columns(study) for name, study in studies.items()})


def test_each_variant_has_its_noise_its_accuracy_and_its_leaders(studies):
    made = _made(studies)
    assert [variant for variant, _ in made.rows] == list(VARIANTS)
    assert [heading for heading, _ in made.columns] == [
        "Wrong labels",
        "Accuracy",
        "Best LDS",
        "Best AUROC",
        "Best AP",
    ]
    for variant, cells in made.rows:
        tables = studies[variant].by_name
        for cell, table, metric in (
            (cells[0], "noise", "rate"),
            (cells[1], "training", "test_accuracy"),
        ):
            rows = tables[table]
            rows = rows[(rows["metric"] == metric) & (rows["seed"] == "all")]
            assert cell == percent(rows["value"].iloc[-1])
        rows = tables["detection"]
        rows = rows[
            (rows["metric"] == "auroc") & (rows["seed"] == "all") & (rows["query"] == "validation_mean")
        ]
        best = rows.loc[rows["value"].idxmax()]
        assert cells[3].startswith(f"{best['method']} {best['value']:.2f}")


def test_columns_that_nothing_fills_are_left_out(studies):
    bare = {v: VariantTables({"noise": study.by_name["noise"]}) for v, study in studies.items()}
    assert [heading for heading, _ in _made(bare).columns] == ["Wrong labels"]
    none = {
        v: VariantTables({"noise": pd.DataFrame(columns=study.by_name["noise"].columns)})
        for v, study in studies.items()
    }
    assert _made(none).columns == []


def test_the_page_shows_it_for_several_variants_only(tmp_path):
    one, two = (
        make_report(tmp_path / str(len(names)), figures=False, variants=names).read_text(encoding="utf-8")
        for names in (("base",), VARIANTS)
    )
    assert "2 variants; means over seeds" in two
    assert 'class="overview' in two
    assert 'class="overview' not in one
