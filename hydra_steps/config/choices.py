"""What the sections that decide a run choose by name from the registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# kind, where its section is, and the key that names it
CHOICES = (
    ("model", ("model",), "name"),
    ("task", ("training", "loss"), "name"),
    ("optimizer", ("training", "optimizer"), "name"),
    ("schedule", ("training", "schedule"), "name"),
)


def chosen_entries(settings: Mapping[str, Any], *sections: str) -> list[tuple[str, str]]:
    """Return (kind, name) of all that ``sections`` choose (such as ``data`` and ``training``), in a fixed order."""
    found = []
    for kind, path, key in CHOICES:
        if path[0] in sections:
            section: Any = settings
            for part in path:
                section = section.get(part, {})
            if key in section:
                found.append((kind, str(section[key])))
    return found
