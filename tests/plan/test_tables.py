"""Which tables a study makes, what they read, and what makes them again: from settings and declarations alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hydra_steps.config import resolve_study
from hydra_steps.config.runs import PlainStudy
from hydra_steps.errors import StudyError
from hydra_steps.figures.captions import caption_text
from hydra_steps.plan.figures import plan_figures
from hydra_steps.plan.tables import plan_tables
from hydra_steps.registry import use_plugins

TABLE = '''
from hydra_steps.plugins import table


@table("spread", keys=["share"], when="{when}", settings={{"labels_of": "method_of"}})
def spread(scores, {reads}, output, labels_of, share: float = 0.5, inner: int = 3):
    """How far contributions spread.

    Options:
        share: Of the samples.
    """
'''


@pytest.fixture
def plug_in(tmp_path: Path) -> Iterator[Path]:
    """A file for a plug-in; plug-ins are forgotten afterwards."""
    yield tmp_path / "mine.py"
    use_plugins([])


def study_with(file: Path, when: str = "True", reads: str = "detection_table", **settings: Any) -> PlainStudy:
    """Return a study whose plug-in ``file`` declares a table."""
    file.write_text(TABLE.format(when=when, reads=reads), encoding="utf-8")
    return resolve_study({"study": "s", "seeds": [0], "plugins": [str(file)], **settings})


def test_a_study_has_the_tables_that_it_asks_for() -> None:
    plan = plan_tables(resolve_study({"methods": {"random": {}}}))
    assert {"training", "noise", "detection", "counterfactual", "timing", "jobs"} <= set(plan)
    assert {"agreement", "smoothness", "removal", "clustering", "claims"}.isdisjoint(plan)
    more = {"removal": {"fractions": [0.1]}, "claims": True, "methods": {"mine": {"method": "hydra_exact"}}}
    plan = plan_tables(resolve_study(more))
    assert {"agreement", "smoothness", "removal", "claims"} <= set(plan)
    assert "stability_table" not in plan["claims"].inputs
    assert plan["claims"].inputs["removal_table"] == plan["removal"].outputs["output"]
    assert plan["claims"].options["methods"] == {"mine": "hydra_exact"}


def test_a_table_reads_the_scores_of_its_methods_on_its_runs() -> None:
    study = {"embedding": {"samples": 9, "methods": ["random"]}, "seeds": [3, 2], "study": "s"}
    table = plan_tables(resolve_study(study))["embedding"]
    assert table.inputs["scores"] == ["results/s/runs/base-seed2/scores/random"]
    assert table.options["samples"] == 9
    assert table.options["perplexity"] == 30.0


def test_a_plug_ins_table_is_planned_like_any_other(plug_in: Path) -> None:
    study = study_with(plug_in, methods={"a": {"method": "random"}}, spread={"share": 0.25})
    table = plan_tables(study)["spread"]
    assert table.rule == "evaluate_spread"
    assert table.inputs == {
        "scores": ["results/s/runs/base-seed0/scores/a"],
        "detection_table": "results/s/tables/detection.csv",
    }
    assert table.outputs == {"output": "results/s/tables/spread.csv"}
    assert table.options == {"share": 0.25, "labels_of": {"a": "random"}}
    other = plan_tables(study)["detection"].code
    plug_in.write_text(plug_in.read_text() + "\nANOTHER = 1\n")
    # Files are read once in a process, as Snakemake starts one for each run.
    changed = subprocess.run(
        [sys.executable, "-c", _CODES.format(plug_in=str(plug_in))],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert changed[0] != table.code
    assert changed[1] == other


_CODES = """
from hydra_steps.config import resolve_study
from hydra_steps.plan.tables import plan_tables
plan = plan_tables(resolve_study({{"plugins": ["{plug_in}"]}}))
print(plan["spread"].code, plan["detection"].code)
"""


def test_a_table_without_what_it_reads_is_not_made(plug_in: Path) -> None:
    study = study_with(plug_in, reads="agreement_table", methods={"random": {}})
    assert "spread" not in plan_tables(study)
    study = study_with(plug_in, reads="agreement_table", methods={"hydra_exact": {}})
    assert "spread" in plan_tables(study)


def test_what_is_wrong_in_a_declaration_names_its_line(plug_in: Path) -> None:
    with pytest.raises(StudyError, match=r"mine\.py:6: the table 'spread' reads 'weather'"):
        plan_tables(study_with(plug_in, reads="weather"))
    other = plug_in.with_name("other.py")
    with pytest.raises(StudyError, match=r"other\.py:6: 'wether > 0' of the table 'spread' has no value"):
        plan_tables(study_with(other, when="wether > 0"))


TRUTH = {"noise", "detection", "contributions", "clustering", "class_contributions"}
ALL_TABLES: dict[str, Any] = {
    "clustering": {"algorithms": ["kmeans"]},
    "class_contributions": {"queries": "sample_loss"},
    "extremes": {"queries": ["test_mean"]},
    "embedding": {"samples": 9},
}


def test_without_clean_labels_nothing_is_measured_against_them() -> None:
    known = resolve_study(ALL_TABLES)
    plan = plan_tables(known)
    assert set(plan) >= TRUTH
    assert "suspects" not in plan
    assert set(plan_figures(known, plan)) >= TRUTH
    unknown = resolve_study({**ALL_TABLES, "noise": {"kind": "unknown"}})
    plan = plan_tables(unknown)
    assert TRUTH.isdisjoint(plan)
    assert {"suspects", "extremes", "embedding", "training"} <= set(plan)
    figures = plan_figures(unknown, plan)
    assert TRUTH.isdisjoint(figures)
    for planned in figures.values():
        said = caption_text(planned.entry, unknown)
        assert "oracle" not in said
        assert "a wrong label" not in said
        assert "clean and wrong" not in said
        assert "labels as they came" in said


def test_that_the_clean_labels_are_not_known_may_stand_in_every_variant() -> None:
    variants = {"a": {"noise": {"kind": "unknown"}}, "b": {"noise": {"kind": "unknown"}}}
    assert "suspects" in plan_tables(resolve_study({"variants": variants}))


def test_a_plugins_kind_says_itself_that_it_does_not_know(plug_in: Path) -> None:
    plug_in.write_text(
        "from hydra_steps.plugins import noise\n\n\n"
        '@noise("crowd", known=False)\ndef crowd(clean):\n    """By a crowd."""\n',
        encoding="utf-8",
    )
    plan = plan_tables(resolve_study({"noise": {"kind": "crowd"}, "plugins": [str(plug_in)]}))
    assert "suspects" in plan
    assert "detection" not in plan
