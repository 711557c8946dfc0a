"""What lies among a study's results and is none of them: left by the study as it was before a change.

A format that is no longer drawn, a section that was switched off, a method or a variant that was removed: Snakemake
knows nothing of their files any more, and they look like results of the present study.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from hydra_steps.config.runs import PlainStudy, explored_runs
from hydra_steps.plan.artifacts import KINDS, Artifacts
from hydra_steps.plan.figures import PlannedFigure
from hydra_steps.plan.tables import PlannedTable

FOLDERS = ("tables", "figures", "runs")
EXPLORER = "explorer.html"
OF_AUDIT = ("audit.html", "summary.json")
CLEANED = "cleaned"  # the data as decided
NAMED = 30  # so many in a sentence


def left_over(
    study: PlainStudy, tables: Mapping[str, PlannedTable], figures: Mapping[str, PlannedFigure]
) -> list[str]:
    """Return what no step of the study makes, sorted: paths below the folder of its outputs.

    ``tables`` and ``figures``: all that are planned, whichever target asks for them. A folder of which nothing is
    made is named once, with a slash at its end. Hidden and unfinished files (``.…``, ``….partial``) are working files
    and left out, as are logs and measurements. Only names are read, none below an artifact; nothing is changed.
    """
    out = Path(Artifacts(study).out)
    made = {PurePosixPath(Path(path).relative_to(out)) for path in _made(study, tables, figures)}
    known = {parent for path in made for parent in path.parents}
    known |= {PurePosixPath(name) for name in FOLDERS}
    found = [path for name in FOLDERS for path in _unknown(out, PurePosixPath(name), made, known)]
    found += [
        name for name in (EXPLORER, *OF_AUDIT) if PurePosixPath(name) not in made and (out / name).is_file()
    ]
    found += [f"{CLEANED}/"] if PurePosixPath(CLEANED) not in made and (out / CLEANED).is_dir() else []
    return sorted(found)


def left_over_sentence(paths: Sequence[str]) -> str:
    """Return the sentence that names ``paths``; an empty one where there are none."""
    if not paths:
        return ""
    more = f", and {len(paths) - NAMED:,} more" if len(paths) > NAMED else ""
    return (
        f"Not of this study as it is now: {', '.join(paths[:NAMED])}{more}. "
        "An earlier form of the study left them; delete them, or keep them elsewhere."
    )


def _made(
    study: PlainStudy, tables: Mapping[str, PlannedTable], figures: Mapping[str, PlannedFigure]
) -> Iterator[str]:
    """Yield the paths of all that the study's steps make in ``FOLDERS``, and of the explorer."""
    artifacts = Artifacts(study)
    for table in tables.values():
        yield from table.outputs.values()
    for figure in figures.values():
        yield from figure.files
    if "speed" in tables:
        yield f"{artifacts.out}/tables/speed.md"  # the table in words
    for kind in KINDS:
        # The raw files lie elsewhere; smoothness is measured beside exact HyDRA alone.
        if kind != "raw" and (kind != "smoothness" or artifacts.exact):
            yield from artifacts.given(kind, artifacts.runs, list(study["methods"]))
    for name in ("splits.csv", "trajectory"):
        yield from artifacts.of_runs(name, artifacts.planted)
    explored = explored_runs(study)
    yield from artifacts.of_runs("predictions.csv", [*explored, *artifacts.audited])
    yield from (f"{artifacts.out}/{name}" for name in OF_AUDIT if artifacts.audited)
    if artifacts.audited and study["audit"]["decisions"]:
        yield f"{artifacts.out}/{CLEANED}"
        yield from artifacts.of_runs("decisions.json", artifacts.audited)
    if explored:
        yield f"{artifacts.out}/{EXPLORER}"


def _unknown(
    out: Path, folder: PurePosixPath, made: set[PurePosixPath], known: set[PurePosixPath]
) -> Iterator[str]:
    """Yield what lies in ``folder`` and is not ``made``; folders that hold something that is are ``known``."""
    if not (out / folder).is_dir():
        return
    for entry in (out / folder).iterdir():
        path = folder / entry.name
        if path in made or entry.name.startswith(".") or entry.name.endswith(".partial"):
            continue
        if path in known:
            yield from _unknown(out, path, made, known)
        else:
            yield f"{path}/" if entry.is_dir() else str(path)
