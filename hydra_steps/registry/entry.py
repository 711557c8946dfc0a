"""An entry of the registry: what was declared about one thing that a study can choose by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Schema = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """One declared thing.

    ``kind`` and ``name`` identify it. ``title`` is its name in words; ``summary`` the first paragraph of its
    docstring, ``text`` the rest, without the list of options. ``options`` maps each option to its JSON schema (type,
    bounds, default, description), in the order of the signature; ``given`` names the parameters that the caller
    provides. ``traits`` holds the decorator's other arguments. ``module`` is a dotted name; ``file`` and ``line`` say
    where it stands; ``plugin`` whether it came from a study's plug-in.
    """

    kind: str
    name: str
    title: str
    summary: str
    text: str
    options: Mapping[str, Schema]
    given: tuple[str, ...]
    optional: tuple[str, ...]
    traits: Mapping[str, Any]
    module: str
    function: str
    file: Path
    line: int
    plugin: bool = field(default=False)

    @property
    def where(self) -> str:
        """Return ``file:line``, for messages."""
        return f"{self.file}:{self.line}"

    def defaults(self) -> dict[str, Any]:
        """Return option → default, of those that have one."""
        return {name: schema["default"] for name, schema in self.options.items() if "default" in schema}


def is_described(entry: Entry) -> bool:
    """Whether a dataset declares neither classes nor shape nor parts, and is described by reading."""
    return not (entry.traits["classes"] or entry.traits["shape"] or entry.traits["parts"])
