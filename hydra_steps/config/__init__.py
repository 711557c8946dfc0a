"""The configuration of a study: load, validate, fill in, expand into runs. No torch, no snakemake.

``resolve_study`` turns what a user wrote into a complete study, or raises one
:class:`hydra_steps.errors.StudyError`.
"""

from hydra_steps.config.limits import check_writable
from hydra_steps.config.reading import read_yaml
from hydra_steps.config.resolve import load_study, resolve_study, save_study, study_yaml
from hydra_steps.config.runs import (
    canonical_json,
    explored_runs,
    run_config,
    run_names,
    variant_names,
)

__all__ = [
    "canonical_json",
    "check_writable",
    "explored_runs",
    "load_study",
    "read_yaml",
    "resolve_study",
    "run_config",
    "run_names",
    "save_study",
    "study_yaml",
    "variant_names",
]
