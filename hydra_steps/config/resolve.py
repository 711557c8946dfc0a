"""From what a user wrote to a complete, checked study; the one entrance of every configuration."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

from hydra_steps.config.limits import check_limits
from hydra_steps.config.runs import RUN_SECTIONS, Study
from hydra_steps.config.schema import Schema, fill, merge, method_schema, method_schemas, study_schema
from hydra_steps.config.validate import shown, validate
from hydra_steps.errors import StudyError, nearest


def load_study(path: str | Path) -> Study:
    """Read a study from a YAML file and resolve it."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        raw = yaml.safe_load(text)
    except OSError as error:
        raise StudyError(
            f"the study {path} cannot be read: {error.strerror}", "", "name a file in config/"
        ) from error
    except yaml.YAMLError as error:
        raise StudyError(f"the study {path} is not YAML: {error}", "", "mend the file there") from error
    return resolve_study({} if raw is None else raw)


def resolve_study(raw: Any) -> Study:
    """Return a complete study: validated, every default filled in, its keys in the order of the schema.

    ``raw`` is what a YAML file holds; it is not changed. Resolving a resolved study gives the same study.
    Raises :class:`StudyError` for the first thing that is wrong.
    """
    raw = copy.deepcopy(raw)
    schema = study_schema()
    if isinstance(raw, dict) and isinstance(raw.get("methods"), dict):
        raw["methods"] = {label: options or {} for label, options in raw["methods"].items()}
    validate(raw, schema)
    study = fill(raw, schema)
    study["methods"] = {label: _method(label, options) for label, options in study["methods"].items()}
    check_limits(study)
    for name, override in study["variants"].items():
        _check_variant(name, override, raw, study, schema)
    return study


def study_yaml(study: Study) -> str:
    """Return the text of a resolved study, the same bytes for the same study."""
    return yaml.safe_dump(study, sort_keys=False, default_flow_style=None, allow_unicode=True, width=100)


def _method(label: str, options: dict[str, Any]) -> dict[str, Any]:
    name = options.get("method", label)
    if name not in method_schemas():
        key = f"methods.{label}.method" if "method" in options else f"methods.{label}"
        raise StudyError(
            f"{key}: {shown(name)} is not a method", "", nearest(str(name), list(method_schemas()))
        )
    schema = method_schema(name)
    validate(options, schema, ("methods", label))
    return fill({"method": name, **options}, schema)


def _check_variant(name: str, override: Study, raw: Study, study: Study, schema: Schema) -> None:
    where = ("variants", name)
    sections = {s: merge(raw.get(s, {}), override[s]) for s in RUN_SECTIONS if s in override}
    for section, value in sections.items():
        validate(value, schema["properties"][section], (*where, section))
    filled = {s: fill(value, schema["properties"][s]) for s, value in sections.items()}
    check_limits({**study, **filled}, name)
