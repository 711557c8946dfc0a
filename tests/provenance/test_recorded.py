"""A job reads what its records vouch for, and says of what it read what it made."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from hydra_steps.errors import StudyError
from hydra_steps.provenance.record import read_record
from hydra_steps.provenance.recorded import recorded


@dataclass
class Step:
    """What Snakemake gives a script."""

    config: dict[str, Any]
    output: list[str]
    input: list[str] = field(default_factory=list)
    rule: str = "noise_labels"
    params: dict[str, Any] = field(default_factory=lambda: {"noise": {"rate": 0.2}, "code": "c0de"})


@pytest.fixture
def first(tmp_path: Path) -> Step:
    step = Step({"results": str(tmp_path), "study": "mine"}, [str(tmp_path / "mine/splits.csv")])
    with recorded(step):
        Path(step.output[0]).parent.mkdir(exist_ok=True)
        Path(step.output[0]).write_text("one\n")
    return step


def second(first: Step) -> Step:
    return Step(first.config, [f"{Path(first.output[0]).parent}/labels.csv"], first.output)


def test_inputs_are_recorded_as_they_were_read(first: Step) -> None:
    step = second(first)
    with recorded(step):
        Path(step.output[0]).write_text("two\n")
    made, of = read_record(step.output[0]), read_record(first.output[0])
    assert made is not None
    assert of is not None
    assert made.inputs == {"splits.csv": of.content}
    assert made.settings == {"noise": {"rate": 0.2}}
    assert made.code == "c0de"


def test_an_input_that_was_edited_is_refused_before_the_job_begins(first: Step) -> None:
    Path(first.output[0]).write_text("edited\n")
    with pytest.raises(StudyError, match="changed after noise_labels wrote it"), recorded(second(first)):
        pytest.fail("the job ran")


def test_an_input_that_changes_meanwhile_leaves_no_record(first: Step) -> None:
    step = second(first)

    def meanwhile() -> None:
        Path(first.output[0]).write_text("edited\n")
        Path(step.output[0]).write_text("two\n")

    with pytest.raises(StudyError, match="changed while noise_labels read it"), recorded(step):
        meanwhile()
    assert read_record(step.output[0]) is None


def test_the_data_come_from_elsewhere_and_have_no_record(first: Step, tmp_path: Path) -> None:
    manifest = tmp_path / "digits" / "manifest.json"
    manifest.parent.mkdir()
    manifest.write_text("{}")
    step = Step(first.config, first.output, [str(manifest)])
    with recorded(step):
        Path(step.output[0]).write_text("one\n")
    made = read_record(step.output[0])
    assert made is not None
    assert list(made.inputs) == ["digits/manifest.json"]
