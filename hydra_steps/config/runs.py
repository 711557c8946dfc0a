"""The runs of a study: each variant with each seed, and what a run's jobs are told.

A run's sections have their keys in the order of the schema, whatever the order that a study is written in, so that a
job that is told some runs again exactly when a value in them has changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from hydra_steps.config.run import PlantedRun, Run
from hydra_steps.config.schema import fill, merge_section, section_of_run
from hydra_steps.config.sections import RUN_SECTIONS, RunSettings
from hydra_steps.config.typed import Plain, field_types
from hydra_steps.registry import active_plugins

PlainStudy = Plain
BASE = "base"
_KINDS = field_types(RunSettings)


def canonical_json(value: Any) -> str:
    """Return ``value`` as JSON with sorted keys and no spaces; not-a-number is refused."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def variant_names(study: PlainStudy) -> list[str]:
    """Return the names of the variants, in the order of the study; ``base`` alone where there are none."""
    return list(study["variants"]) or [BASE]


def run_names(study: PlainStudy) -> list[str]:
    """Return the names of all runs: variants in their order, and within each the seeds in theirs."""
    return list(study_runs(study))


def study_runs(study: PlainStudy) -> Mapping[str, Run]:
    """Return all runs by name, in the same order."""
    return _runs(tuple(variant_names(study)), tuple(study["seeds"]))


def first_of_variant(study: PlainStudy) -> dict[str, str]:
    """Return each run, those of copies with planted labels too, with the first run of its variant: their settings
    differ by the seeds alone."""
    origins = dict(study_runs(study)) | {name: run.origin for name, run in planted_runs(study).items()}
    return {name: Run(run.variant, study["seeds"][0]).name for name, run in origins.items()}


def audited_run(study: PlainStudy) -> Run:
    """Return the run that an audit judges: the first variant's with the first seed."""
    return next(iter(study_runs(study).values()))


def planted_runs(study: PlainStudy) -> Mapping[str, PlantedRun]:
    """Return the runs of an audit's copies of the data by name; none where it is off."""
    copies = (PlantedRun.of(audited_run(study), number) for number in range(study["audit"]["copies"]))
    return {run.name: run for run in copies}


def explored_runs(study: PlainStudy) -> list[str]:
    """Return the runs that the explorer shows: the first seed of each variant; none where it is off."""
    return run_names(study)[:: len(study["seeds"])] if study["explorer"]["top"] else []


def run_config(study: PlainStudy, run: str) -> PlainStudy:
    """Return the sections that decide a run, its variant merged in, with ``run``, ``variant`` and ``seed``.

    The run is one of the study's, or that of a copy with planted labels, which has all of the run that it is a copy of.

    ``noise.seed`` is a number: the run's seed where the study leaves it open.
    """
    named = study_runs(study).get(run) or planted_runs(study)[run]
    origin = named.origin if isinstance(named, PlantedRun) else named
    asked = [{name: study[name] for name in RUN_SECTIONS}, study["variants"].get(origin.variant, {})]
    sections: PlainStudy = json.loads(_resolved(json.dumps(asked), active_plugins()))
    if sections["noise"]["seed"] is None:
        sections["noise"] = {**sections["noise"], "seed": named.seed}
    return {**sections, "run": run, "variant": named.variant, "seed": named.seed}


def run_settings(study: PlainStudy, run: str) -> RunSettings:
    """Return :func:`run_config`, typed."""
    return _typed(json.dumps(run_config(study, run)), active_plugins())


@cache
def _runs(variants: tuple[str, ...], seeds: tuple[int, ...]) -> Mapping[str, Run]:
    """Each of thousands of jobs looks its run up."""
    runs = (Run(variant, seed) for variant in variants for seed in seeds)
    return {run.name: run for run in runs}


@cache
def _typed(config: str, plugins: tuple[tuple[str, Path], ...]) -> RunSettings:
    return RunSettings.of(json.loads(config))


@cache
def _resolved(asked: str, plugins: tuple[tuple[str, Path], ...]) -> str:
    """Return the sections with a variant's merged in, all as JSON: each of thousands of jobs asks for one of a few."""
    base, override = json.loads(asked)
    sections: PlainStudy = {}
    for name in RUN_SECTIONS:
        merged = merge_section(_KINDS[name], base[name], override.get(name, {}))
        sections[name] = fill(merged, section_of_run(name, merged))
    return json.dumps(sections)
