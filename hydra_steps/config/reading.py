"""Reading a study's file: one message for what YAML would pass over in silence, or die of.

YAML keeps the last of two equal keys, reads ``1e3`` or ``yes`` as no text, and unfolds aliases without bound. Here a
name stays the text that was written, a key that comes twice is refused with both lines, and so are a file that is no
UTF-8, nesting that has no end, and aliases that unfold to more than a study can hold.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from hydra_steps.errors import StudyError

MOST_VALUES = 100_000  # of a study, its aliases unfolded; the largest study here has some hundreds
DEEPEST = 50


class _Loader(yaml.SafeLoader):
    """A safe loader whose keys are the texts that were written."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise StudyError(
                    f"line {line}: a key is a list or a mapping", "a name", "give the key a name"
                )
            if key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.value in seen:
                raise StudyError(
                    f"the key {key.value!r} stands twice, in lines {seen[key.value]} and {line}",
                    "each key once in a section",
                    "join the two, or remove one",
                )
            seen[key.value] = line
            key.tag = "tag:yaml.org,2002:str"
        return super().construct_mapping(node, deep)


def read_yaml(path: str | Path) -> Any:
    """Return what a YAML file holds; None for an empty one. Raises :class:`StudyError` with the file's name."""
    path = Path(path)
    try:
        if path.exists() and not path.is_file():
            raise StudyError(f"the study {path} is no file", "a YAML file", "name a file in config/")
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise StudyError(
            f"the study {path} cannot be read: {error.strerror}", "", "name a file in config/"
        ) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise StudyError(
            f"the study {path} is not UTF-8: byte 0x{error.object[error.start]:02x} in line {line}",
            "text in UTF-8",
            "save the file in UTF-8",
        ) from error
    try:
        return parse_yaml(text)
    except StudyError as error:
        raise StudyError(f"the study {path}: {error.found}", error.expected, error.fix) from None


def parse_yaml(text: str) -> Any:
    """Return what a YAML text holds.

    >>> parse_yaml("seeds: [0, 1]")
    {'seeds': [0, 1]}
    """
    try:
        loader = _Loader(text)  # which refuses characters that no text has
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _count(node, 0, 0)
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise StudyError(f"is not YAML: {error}", "", "mend the file there") from error
    except RecursionError:
        raise StudyError(
            "is nested without end", f"at most {DEEPEST} levels", "mend the file there"
        ) from None


def _count(node: yaml.Node, depth: int, total: int) -> int:
    """Return how many values a node holds with its aliases unfolded, and stop where there are too many."""
    if depth > DEEPEST:
        raise StudyError(
            f"line {node.start_mark.line + 1}: is nested deeper than {DEEPEST} levels",
            "",
            "mend the file there",
        )
    total += 1
    if total > MOST_VALUES:
        raise StudyError(
            "its aliases unfold to too many values", f"at most {MOST_VALUES:,}", "mend the file there"
        )
    if isinstance(node, yaml.MappingNode):
        for _, value in node.value:
            total = _count(value, depth + 1, total)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            total = _count(value, depth + 1, total)
    return total


def check_names(value: Any, where: str = "") -> None:
    """Refuse a key that is no text: Snakemake's own reading of a file turned a name into a number, a date or null."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                allowed = re.sub(r"\W+", "_", str(key)).strip("_")
                raise StudyError(
                    f"{where or 'the study'}: a name was read as {type(key).__name__}: {key!r}",
                    "a text of letters, digits and _",
                    f'put a name into quotes in its place: "{allowed}"',
                )
            check_names(inner, f"{where}.{key}" if where else key)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            check_names(inner, f"{where}[{i}]")
