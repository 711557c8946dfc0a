"""From what a user wrote to a complete, checked study; the one entrance of every configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from hydra_steps.config.extras import check_installed
from hydra_steps.config.limits import check_limits
from hydra_steps.config.runs import RUN_SECTIONS, Study
from hydra_steps.config.schema import (
    Schema,
    fill,
    merge,
    method_schema,
    method_schemas,
    study_schema,
    unquote,
)
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
    schema = study_schema()
    raw = unquote(raw, schema)
    if isinstance(raw, dict) and isinstance(raw.get("methods"), dict):
        raw["methods"] = {label: options or {} for label, options in raw["methods"].items()}
    validate(raw, schema)
    study = fill(raw, schema)
    study["methods"] = {label: _method(label, options) for label, options in study["methods"].items()}
    check_limits(study)
    study["variants"] = {
        name: _variant(name, override, raw, study, schema["properties"])
        for name, override in study["variants"].items()
    }
    return study


def study_yaml(study: Study) -> str:
    """Return the text of a resolved study, the same bytes for the same study."""
    return yaml.safe_dump(study, sort_keys=False, default_flow_style=None, allow_unicode=True, width=100)


def save_study(study: Study, output: str | Path) -> None:
    """Write a resolved study as YAML with its keys in the order of the schema."""
    path = Path(output)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(study_yaml(resolve_study(study)), encoding="utf-8")


def _method(label: str, options: dict[str, Any]) -> dict[str, Any]:
    name = options.get("method", label)
    if name not in method_schemas():
        key = f"methods.{label}.method" if "method" in options else f"methods.{label}"
        raise StudyError(
            f"{key}: {shown(name)} is not a method", "", nearest(str(name), list(method_schemas()))
        )
    schema = method_schema(name)
    options = unquote(options, schema)
    validate(options, schema, ("methods", label))
    check_installed(label, name, schema)
    return fill({"method": name, **options}, schema)


def _variant(name: str, override: Study, raw: Study, study: Study, schemas: dict[str, Schema]) -> Study:
    """Return a variant with its numbers in one form, once it is checked merged over the study as written."""
    override = {s: unquote(override[s], schemas[s]) for s in RUN_SECTIONS if s in override}
    filled = {}
    for section, value in override.items():
        merged = merge(raw.get(section, {}), value)
        validate(merged, schemas[section], ("variants", name, section))
        filled[section] = fill(merged, schemas[section])
    check_limits({**study, **filled}, name)
    return {s: fill(value, schemas[s], defaults=False) for s, value in override.items()}
