"""The tables that a study makes: what each one reads, writes and is told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from hydra_steps.config.runs import PlainStudy, first_of_variant, planted_runs, study_runs
from hydra_steps.errors import StudyError, nearest
from hydra_steps.plan.artifacts import KINDS, Artifacts
from hydra_steps.plan.code import chosen, entry_code
from hydra_steps.plan.names import study_names, value_of
from hydra_steps.registry import Entry, entries

TABLE = "_table"  # ends the name of a parameter that is another table


@dataclass(frozen=True)
class PlannedTable:
    """One table of a study.

    ``inputs`` and ``outputs`` are by the name of the function's parameter; ``after``: files that must be there and
    are not read; ``options``: the other parameters' values; ``runs``: variant and seed of each run that it reads of, by
    the run's name; ``code``: digest of the code that decides the content; ``seconds``: how many it typically takes,
    beside its start.
    """

    entry: Entry
    inputs: Mapping[str, str | list[str]]
    after: list[str]
    outputs: Mapping[str, str]
    options: Mapping[str, Any]
    runs: Mapping[str, list[Any]]
    code: str
    seconds: float

    @property
    def name(self) -> str:
        """The table's name."""
        return self.entry.name

    @property
    def rule(self) -> str:
        """The name of the rule that makes it."""
        return f"evaluate_{self.name}"

    @property
    def category(self) -> str:
        """Its place in Snakemake's own report."""
        return "Claims" if self.name.endswith("claims") else "Tables"

    @property
    def files(self) -> list[str]:
        """Its tables: the table itself, and those beside it."""
        return [path for path in self.outputs.values() if path.endswith(".csv")]

    @property
    def target(self) -> str:
        """What asks for it: ``all`` or ``benchmark``."""
        return str(self.entry.traits["target"])


def files_of(tables: Iterable[PlannedTable]) -> dict[str, str]:
    """Return all files of tables by their stems: the tables' names, and those of the files beside them."""
    return {PurePath(path).stem: path for table in tables for path in table.outputs.values()}


def plan_tables(study: PlainStudy) -> dict[str, PlannedTable]:
    """Return the tables that a study makes, by name, in the order of the report."""
    known, artifacts = study_names(study), Artifacts(study)
    wanted = {
        name: entry
        for name, entry in entries("table").items()
        if value_of(entry.traits["when"], known, entry)
    }
    while lacking := [name for name, entry in wanted.items() if not _needs(entry) <= _makes(wanted)]:
        for name in lacking:
            del wanted[name]
    made = _makes(wanted)
    return {name: _planned(study, entry, known, artifacts, made) for name, entry in wanted.items()}


def _needs(entry: Entry) -> set[str]:
    """Return the tables that an entry cannot do without."""
    return {name.removesuffix(TABLE) for name in entry.given if name.endswith(TABLE)}


def _makes(wanted: Mapping[str, Entry]) -> set[str]:
    """Return the stems of all files that entries make."""
    return {*wanted} | {PurePath(file).stem for entry in wanted.values() for file in entry.traits["also"]}


def _planned(
    study: PlainStudy, entry: Entry, known: dict[str, Any], artifacts: Artifacts, made: set[str]
) -> PlannedTable:
    traits, folder = entry.traits, f"{artifacts.out}/tables"
    also = {PurePath(file).stem: f"{folder}/{file}" for file in traits["also"]}
    options = _options(study, entry, known)
    runs = artifacts.first_runs if traits["runs"] == "first" else artifacts.runs
    methods = options.get("methods")
    labels = list(study["methods"]) if not isinstance(methods, list) else methods
    inputs = _tables_read(entry, folder, made)
    others = [name for name in entry.given if name not in (*inputs, "output", *also, *options)]
    after: list[str] = []
    if "benchmarks" in others:
        # Measurements are no inputs: to delete one is no reason to compute again.
        after, options["benchmarks"] = artifacts.measured(), f"{artifacts.out}/benchmarks"
    inputs |= {name: _input(entry, name, artifacts, runs, labels) for name in others if name != "benchmarks"}
    first = first_of_variant(study)
    of_variants = {first[run] for run in runs} if "raw" in inputs else ()
    used = [pair for run in of_variants for pair in chosen(study, ["dataset"], run)]
    if "readings" in inputs:
        runs = artifacts.timed_runs
    used_runs = {name: run for name, run in study_runs(study).items() if name in runs}
    if any(name.startswith("planted_") for name in inputs):
        used_runs |= planted_runs(study)
    named = {name: [run.variant, run.seed] for name, run in used_runs.items()}
    outputs = {"output": f"{folder}/{entry.name}.csv", **also}
    code = entry_code("table", entry.name, used=used)
    seconds = value_of(traits["seconds"], {**known, "labels": labels, "runs": runs}, entry)
    return PlannedTable(
        entry, inputs, after, outputs, options, named if {*inputs} & {*KINDS} else {}, code, float(seconds)
    )


def _tables_read(entry: Entry, folder: str, made: set[str]) -> dict[str, str | list[str]]:
    """Return the other tables that an entry reads, by parameter; of those it can do without the ones that are made."""
    names = [name for name in (*entry.given, *entry.optional) if name.endswith(TABLE)]
    return {
        name: f"{folder}/{name.removesuffix(TABLE)}.csv"
        for name in names
        if name in entry.given or name.removesuffix(TABLE) in made
    }


def _options(study: PlainStudy, entry: Entry, known: dict[str, Any]) -> dict[str, Any]:
    """Return a table's options: those of its section, and what it takes from other settings."""
    section = study.get(entry.name)
    asked = section if isinstance(section, Mapping) else {}
    options = {name: asked.get(name, schema["default"]) for name, schema in entry.options.items()}
    return options | {name: value_of(text, known, entry) for name, text in entry.traits["settings"].items()}


def _input(
    entry: Entry, name: str, artifacts: Artifacts, runs: Sequence[str], labels: Sequence[str]
) -> str | list[str]:
    """Return what the parameter ``name`` reads; :class:`StudyError` for what no study has."""
    if name == "config":
        return f"{artifacts.out}/config.yaml"
    if name in KINDS:
        return artifacts.given(name, runs, labels)
    raise StudyError(
        f"{entry.where}: the table {entry.name!r} reads {name!r}, which no study has",
        "",
        nearest(name, [*KINDS, "config", "benchmarks"]),
    )
