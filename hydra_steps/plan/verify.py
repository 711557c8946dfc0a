"""The chain of a finished study, walked from its configuration to its report: what is whole, and what is not.

Each output is read whole, and compared with its record; each record is compared with the study as it is now and with
the records of what it was made from. So one edit is one line, whatever was made from what was edited.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hydra_steps.errors import StudyError
from hydra_steps.plan.watch import planned_making, when_planned
from hydra_steps.provenance.content import content_of
from hydra_steps.provenance.fits import Misfit, misfit
from hydra_steps.provenance.record import Making, read_record

VERIFY = "HYDRA_STEPS_VERIFY"  # set where a study is to be verified and not run
REPORT = "write_report"
BENCHMARKS = "benchmarks"  # the option of a table that reads Snakemake's own measurements


def verify_instead(workflow: Any, study: str | Path, remark: str) -> None:
    """Let ``workflow`` (Snakemake's), once it has planned, print what is whole and what is not and end with exit code
    0 or 1, instead of running. ``remark``: what else is to be said of the study.

    Cost: reading all outputs, at about 1 GB/s.
    """

    def verify() -> None:
        jobs = [
            job for job in workflow.dag.jobs if job.output and Path(str(job.output[0])).is_relative_to(study)
        ]
        found = verified(jobs, Path(study))
        wrong = {path: one for path, one in found.items() if one is not None}
        lines = [f"{one.kind:8} {path}: {one.words}" for path, one in sorted(wrong.items())]
        lines += [f"unsealed {path}: {words}" for path, words in unsealed(jobs).items() if path not in wrong]
        lines += [remark] if remark else []
        lines.append(f"whole    {len(found) - len(wrong):,} of {len(found):,} outputs")
        lines.append(f"digest   {_digest(jobs)}")
        print("\n".join(lines), flush=True)
        sys.stderr.flush()
        os._exit(1 if wrong else 0)  # Snakemake would go on to say what it would do

    when_planned(workflow, verify)


def verified(jobs: Iterable[Any], study: Path) -> dict[str, Misfit | None]:
    """Return every output of a plan's jobs with what is wrong with it; None for what is whole."""
    recorded = _Recorded()
    found: dict[str, Misfit | None] = {}
    for job in jobs:
        made_by = planned_making(job, study, recorded)
        found |= {str(output): wrong_with(Path(str(output)), made_by) for output in job.output}
    return found


def unsealed(jobs: Iterable[Any]) -> dict[str, str]:
    """Return the outputs that are as their step wrote them, and were made from what nothing vouches for, with why."""
    return {
        str(output): "made from benchmarks/, which Snakemake writes after each job, and no record vouches for"
        for job in jobs
        if BENCHMARKS in (dict(job.params.items()).get("options") or {})
        for output in job.output
    }


def wrong_with(output: Path, made_by: Making) -> Misfit | None:
    """Return what is wrong with an output that ``made_by`` makes, once it has been read whole; None for nothing."""
    if not os.path.lexists(output):
        return Misfit("missing", "it is not there")
    return misfit(output, made_by) or _damage(output)


def _damage(output: Path) -> Misfit | None:
    """Read a folder whole, whose record vouches for its manifests alone."""
    # With numpy and zarr, which no plan needs.
    from hydra_steps.stores import verify_store
    from hydra_steps.trajectory.store import TrajectoryStore

    try:
        for manifest in output.rglob("manifest.json") if output.is_dir() else ():
            if output.name == "trajectory":
                TrajectoryStore.open(manifest.parent).verify()
            else:
                verify_store(manifest.parent)
    except StudyError as error:
        return Misfit("edited", error.found)
    return None


def _digest(jobs: Iterable[Any]) -> str:
    """Return the study's digest; in words why it has none."""
    from hydra_steps.report.digest import digest_of_study  # with pandas, which no plan needs

    for job in jobs:
        if job.rule.name.endswith(REPORT):
            named: Mapping[str, Any] = dict(job.input.items())
            try:
                return digest_of_study(
                    str(named["config"]), list(named["tables"]), list(named["trajectories"])
                )
            except StudyError as error:
                return f"none: {error.found}"
    return "none: no report is planned"


class _Recorded(dict[str, str]):
    """The digest of each input as its record has it, else of what is there; so that one edit is found once."""

    def __missing__(self, path: str) -> str:
        record = read_record(path)
        try:
            self[path] = record.content if record else content_of(path)
        except StudyError:
            self[path] = ""
        return self[path]
