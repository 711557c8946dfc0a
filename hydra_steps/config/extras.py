"""Optional libraries: a method that needs one that is not installed is refused before any work is done."""

from __future__ import annotations

from importlib.util import find_spec

from hydra_steps.errors import StudyError
from hydra_steps.registry.entry import Schema

INSTALL = "pip install '.[rivals]'"


def check_installed(label: str, name: str, schema: Schema) -> None:
    """Raise :class:`StudyError` where a library of the method's ``x-needs`` is missing; nothing is imported."""
    missing = [library for library in schema.get("x-needs", []) if find_spec(library) is None]
    if missing:
        raise StudyError(
            f"methods.{label}: the method {name} needs {' and '.join(missing)}, not installed here",
            "",
            f"{INSTALL} in the folder of this workflow, or remove methods.{label}",
        )
