"""A job of the workflow leaves records of what it made, from inputs that are as their own records say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from hydra_steps.errors import StudyError
from hydra_steps.locks import join
from hydra_steps.provenance.content import content_of
from hydra_steps.provenance.fits import check_whole
from hydra_steps.provenance.record import Making, Record, key_of, plain, write_record

CODE = "code"  # the parameter of a step that is no setting


class Step(Protocol):
    """What Snakemake gives a script."""

    rule: str
    input: Iterable[str]
    output: Iterable[str]
    params: Any
    config: Mapping[str, Any]


@contextmanager
def recorded(step: Step) -> Iterator[None]:
    """Run one job: check its inputs, and when it has ended write the records of its outputs. This process holds the
    study's claim as long as it lives.

    Raises :class:`StudyError` for an input that is not as the study made it, and for one that changed while the job
    ran, as nobody can then say what the outputs are made from; and where another run has begun since the job's own.
    """
    study = study_folder(step.config)
    join(study)
    before = read_inputs(step.input, study)
    yield
    for path in step.input:
        now, name = content_of(path), key_of(path, study)
        if now != before[name]:
            raise StudyError(
                f"{path} changed while {step.rule} read it: its content has digest {now[:12]}",
                f"{before[name][:12]}, as when the job began",
                "let nothing else write there, and run the study again",
            )
    made_by = making(step.rule, step.params.items(), before)
    for output in step.output:
        write_record(output, Record(**vars(made_by), content=content_of(output)))


def making(step: str, params: Iterable[tuple[str, Any]], inputs: Mapping[str, str]) -> Making:
    """Return what makes the outputs of a step, from a rule's parameters and its inputs' digests by key."""
    told = dict(params)
    code = str(told.pop(CODE, ""))
    return Making(step, plain(told), code, dict(inputs))


def read_inputs(paths: Iterable[str], study: Path) -> dict[str, str]:
    """Return the digests of inputs by key. What the study made is compared with its record; the data are not, of
    which their manifest is the record."""
    return {
        key_of(path, study): check_whole(path) if Path(path).is_relative_to(study) else content_of(path)
        for path in paths
    }


def study_folder(config: Mapping[str, Any]) -> Path:
    """Return the folder of a study's outputs."""
    return Path(str(config["results"]), str(config["study"]))
