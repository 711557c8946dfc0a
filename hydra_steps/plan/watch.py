"""Snakemake's plan, checked by the records of the outputs themselves: what they do not vouch for is made again.

Snakemake knows what made an output from its own memory (``.snakemake``) and from the times of files. Both can be lost,
or fooled by a copy or an edit. So once it has planned, each output that it would keep is compared with its record
(:mod:`hydra_steps.provenance`). And what it would make again only because it was ended before it noted the job's end
is kept where the record says that it is whole, and this study's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hydra_steps.errors import StudyError
from hydra_steps.provenance.content import content_of
from hydra_steps.provenance.fits import misfit
from hydra_steps.provenance.record import Making, key_of
from hydra_steps.provenance.recorded import making

NAMED = 10  # so many outputs in a sentence


def watch(workflow: Any, study: str | Path, say: Callable[[str], None]) -> None:
    """Let ``workflow`` (Snakemake's) check every plan of the outputs below the folder ``study``; ``say`` is told what
    is made again, in a sentence.

    Cost: a record and a digest for each output that is kept.
    """

    def check() -> None:
        if sentence := _check(workflow, Path(study)):
            say(sentence)

    when_planned(workflow, check)


def when_planned(workflow: Any, act: Callable[[], None]) -> None:
    """Let ``act`` be called whenever ``workflow`` has planned, before anything is done with the plan.

    Snakemake calls no one then, but it tells its loggers of the plan: its method for that is the one that every plan
    comes to, for a run, a summary or an archive.
    """
    tell = workflow.log_rulegraph

    def act_and_tell() -> None:
        act()
        tell()

    workflow.log_rulegraph = act_and_tell


def _check(workflow: Any, study: Path) -> str:
    """Let Snakemake plan again where records say otherwise; return the sentence about what is made again."""
    dag, contents = workflow.dag, _Contents()
    own = [job for job in dag.jobs if job.output and Path(str(job.output[0])).is_relative_to(study)]

    def why_not(job: Any) -> str:
        made_by = planned_making(job, study, contents)
        found = ((output, misfit(str(output), made_by)) for output in job.output)
        return next((f"{output} ({one.words})" for output, one in found if one), "")

    adopted = [job for job in own if _ended_alone(workflow, job) and not why_not(job)]
    unfit = {job: why for job in own if not dag.needrun(job) and (why := why_not(job))}
    if not unfit and not adopted:
        return ""
    for job in adopted:
        dag.forcefiles.difference_update(job.output)
    for job in unfit:
        dag.forcefiles.update(job.output)
    for job in dag.jobs:  # reasons are added to, and one that was forced forced what depends on it
        dag.reason(job).clear()
    workflow.async_run(dag.update_needrun())
    dag.update_jobids()
    named = list(unfit.values())[:NAMED]
    more = f", and {len(unfit) - NAMED:,} more" if len(unfit) > NAMED else ""
    return f"Not as this study makes it, and made again: {', '.join(named)}{more}." if unfit else ""


def planned_making(job: Any, study: Path, contents: Mapping[str, str]) -> Making:
    """Return what makes the outputs of a job of Snakemake's plan; ``contents``: the digests of its inputs, by path."""
    inputs = {key_of(str(path), study): contents[str(path)] for path in job.input}
    return making(job.rule.name, job.params.items(), inputs)


def _ended_alone(workflow: Any, job: Any) -> bool:
    """Whether a job is planned for the one reason that Snakemake never noted its end, and all its output is there."""
    dag = workflow.dag
    forced = not dag.forcefiles.isdisjoint(job.output)
    asked = {str(one) for one in workflow.dag_settings.forcerun}
    if not forced or asked & {str(output) for output in job.output} or job.rule.name in asked:
        return False
    if len(workflow.async_run(workflow.persistence.incomplete(job))) == 0:
        return False
    return all(Path(str(output)).exists() for output in job.output)


class _Contents(dict[str, str]):
    """Digests of inputs by path, each taken once; none for what is not there yet or is no output."""

    def __missing__(self, path: str) -> str:
        try:
            self[path] = content_of(path)
        except StudyError:
            self[path] = ""
        return self[path]
