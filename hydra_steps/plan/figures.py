"""The figures that a study draws: those whose tables it makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hydra_steps.config.runs import PlainStudy
from hydra_steps.figures.draw import needed_files, optional_files
from hydra_steps.plan.artifacts import KINDS, Artifacts
from hydra_steps.plan.code import entry_code
from hydra_steps.plan.names import study_names, value_of
from hydra_steps.plan.tables import PlannedTable, files_of
from hydra_steps.registry import Entry, entries

DRAWING = "figures.draw"  # what all figures have in common


@dataclass(frozen=True)
class PlannedFigure:
    """One figure of a study: what it reads by name, its files in all formats, and the digest of its code.

    ``target``: what asks for it, as for the tables that it reads (``all`` or ``benchmark``).
    """

    entry: Entry
    inputs: Mapping[str, str | list[str]]
    files: list[str]
    code: str
    target: str

    @property
    def name(self) -> str:
        """The figure's name."""
        return self.entry.name

    @property
    def category(self) -> str:
        """Its place in Snakemake's own report."""
        return str(self.entry.traits["category"])


def plan_figures(study: PlainStudy, tables: Mapping[str, PlannedTable]) -> dict[str, PlannedFigure]:
    """Return the figures that can be drawn from ``tables``, by name, in the order of the report."""
    known, artifacts = study_names(study), Artifacts(study)
    there: dict[str, str | list[str]] = dict(files_of(tables.values()))
    planned: dict[str, PlannedFigure] = {}
    for name, entry in entries("figure").items():
        kinds = [file for file, parameter in needed_files(entry).items() if parameter in KINDS]
        needed = [file for file in needed_files(entry) if file not in kinds]
        if not all(file in there for file in needed) or not value_of(entry.traits["when"], known, entry):
            continue
        inputs = {file: there[file] for file in (*needed, *optional_files(entry)) if file in there}
        for kind in kinds:
            inputs[kind] = artifacts.given(kind, artifacts.runs, list(study["methods"]))
        files = [f"{artifacts.out}/figures/{name}.{suffix}" for suffix in study["figures"]["formats"]]
        targets = {tables[table].target for table in inputs if table in tables}
        target = "benchmark" if "benchmark" in targets else "all"
        planned[name] = PlannedFigure(entry, inputs, files, entry_code("figure", name, DRAWING), target)
    return planned
