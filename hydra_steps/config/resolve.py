"""From what a user wrote to a complete, checked study; the one entrance of every configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from hydra_steps.config.extras import check_installed
from hydra_steps.config.fitting_noise import with_fitting_noise
from hydra_steps.config.known_labels import check_known_labels
from hydra_steps.config.limits import check_limits
from hydra_steps.config.reading import check_names, read_yaml
from hydra_steps.config.runs import PlainStudy
from hydra_steps.config.schema import (
    fill,
    merge_section,
    method_schema,
    section_of_run,
    study_schema,
    unquote,
)
from hydra_steps.config.sections import RUN_SECTIONS
from hydra_steps.config.study import Study
from hydra_steps.config.target_checks import check_same_targets
from hydra_steps.config.typed import field_types
from hydra_steps.config.validate import shown, validate
from hydra_steps.config.weights import pin_weights
from hydra_steps.config.windows import refuse_window
from hydra_steps.errors import StudyError, nearest
from hydra_steps.queries.expansion import with_defaults
from hydra_steps.registry import names, use_plugins
from hydra_steps.registry.undeclared import name_models


def load_study(path: str | Path) -> PlainStudy:
    """Read a study from a YAML file and resolve it; its plug-ins are looked for beside it."""
    raw = read_yaml(path)
    if raw is None:  # as Snakemake does
        raise StudyError(
            f"the study {path} is empty", "at least one key", "write 'study: ' and a name into it"
        )
    return resolve_study(raw, Path(path).parent)


def resolve_study(raw: Any, folder: str | Path = ".") -> PlainStudy:
    """Return a complete study: validated, every default filled in, its keys in the order of the schema.

    ``raw`` is what a YAML file in ``folder`` holds; it is not changed. The study's plug-ins are in use afterwards
    (:func:`hydra_steps.registry.use_plugins`), and named by their full paths. Resolving a resolved study gives the
    same study. Raises :class:`StudyError` for the first thing that is wrong.
    """
    check_names(raw)
    raw, plugins = _plugins(raw, Path(folder))
    if isinstance(raw, dict):
        raw = with_fitting_noise(pin_weights(raw, Path(folder)))
    raw = unquote(raw, study_schema(raw))
    if isinstance(raw, dict):
        raw = raw | ({"plugins": plugins} if plugins else {})
        if isinstance(raw.get("methods"), dict):
            raw["methods"] = {k: {} if options is None else options for k, options in raw["methods"].items()}
    schema = study_schema(raw)
    validate(raw, schema)
    study: PlainStudy = fill(raw, schema)
    study["queries"] = [with_defaults(spec, f"queries[{i}]") for i, spec in enumerate(study["queries"])]
    study["methods"] = {label: resolve_method(label, options) for label, options in study["methods"].items()}
    check_limits(study)
    study["variants"] = {
        name: _variant(name, override, raw, study) for name, override in study["variants"].items()
    }
    check_known_labels(study)
    check_same_targets(study)
    return study


def study_yaml(study: PlainStudy) -> str:
    """Return the text of a resolved study, the same bytes for the same study."""
    return yaml.safe_dump(study, sort_keys=False, default_flow_style=None, allow_unicode=True, width=100)


def save_study(study: Mapping[str, Any], output: str | Path) -> None:
    """Write a resolved study as YAML with its keys in the order of the schema."""
    path = Path(output)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(study_yaml(resolve_study(dict(study))), encoding="utf-8")


def _plugins(raw: Any, folder: Path) -> tuple[Any, list[str]]:
    """Use the study's plug-ins, before anything of it is looked at: they decide what it may name.

    Return what was written, with models of files in short, and the plug-ins in full, these among them.
    """
    asked = raw.get("plugins") if isinstance(raw, dict) else None
    if asked is not None and not (isinstance(asked, list) and all(isinstance(one, str) for one in asked)):
        raise StudyError(
            f"plugins: {shown(asked)} has the wrong form", "a list of files and modules", "change plugins"
        )
    raw, plugins = name_models(raw, asked or [])
    return raw, use_plugins(plugins, folder)


def resolve_method(label: str, options: dict[str, Any]) -> dict[str, Any]:
    name, known = options.get("method", label), names("method")
    key = f"methods.{label}.method" if "method" in options else f"methods.{label}"
    if not isinstance(name, str) or name not in known:
        raise StudyError(f"{key}: {shown(name)} is not a method", "", nearest(str(name), known))
    if label in known and label != name:
        raise StudyError(
            f"methods.{label}: the label is the name of another method than {name}",
            "a label that says what is computed",
            f"rename the label {label}",
        )
    schema = method_schema(name)
    options = unquote(options, schema)
    refuse_window(label, name, options)
    validate(options, schema, ("methods", label))
    check_installed(label, name, schema)
    filled: dict[str, Any] = fill({"method": name, **options}, schema)
    return filled


def _variant(name: str, override: PlainStudy, raw: PlainStudy, study: PlainStudy) -> PlainStudy:
    """Return a variant with its numbers in one form, once it is checked merged over the study as written."""
    kinds = field_types(Study)
    filled, kept = {}, {}
    for section in (one for one in RUN_SECTIONS if one in override):
        base = raw.get(section, {})
        merged = merge_section(kinds[section], base, override[section])
        schema = section_of_run(section, merged)
        own = unquote(override[section], schema)
        merged = merge_section(kinds[section], base, own)
        validate(merged, schema, ("variants", name, section))
        filled[section] = fill(merged, schema)
        kept[section] = fill(own, schema, defaults=False)
    check_limits({**study, **filled}, name)
    return kept
