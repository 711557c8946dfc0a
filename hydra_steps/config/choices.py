"""What the sections that decide a run choose by name from the registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# kind → where its section is, and the key that names it
_WHERE = {
    "dataset": (("data",), "name"),
    "noise": (("noise",), "kind"),
    "model": (("model",), "name"),
    "task": (("training", "loss"), "name"),
    "optimizer": (("training", "optimizer"), "name"),
    "schedule": (("training", "schedule"), "name"),
}
TRAINING = ("model", "task", "optimizer", "schedule")  # what a training is made of, beside its data


def chosen_entries(settings: Mapping[str, Any], *kinds: str) -> list[tuple[str, str]]:
    """Return (kind, name) of what a run's settings choose, of some kinds; a section that is not there chooses none."""
    found = []
    for kind in kinds:
        path, key = _WHERE[kind]
        section: Any = settings
        for part in path:
            section = section.get(part, {})
        if key in section:
            found.append((kind, str(section[key])))
    return found
