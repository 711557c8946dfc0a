"""A docstring in parts: summary, text, and the sentence of each option."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass

_HEAD = "Options:"
_OPTION = re.compile(r"(?P<name>[A-Za-z_]\w*): (?P<text>.*)")


@dataclass(frozen=True)
class Docstring:
    """``summary``: the first paragraph in one line; ``text``: all other paragraphs; ``options``: name → sentence."""

    summary: str
    text: str
    options: dict[str, str]


def read_docstring(raw: str | None) -> Docstring:
    """Split a docstring.

    Options stand under a line ``Options:``, indented, one after another as ``name: sentence``; a sentence may go on
    in lines that are indented further. The list ends with the first line that is indented less.
    """
    lines = inspect.cleandoc(raw or "").splitlines()
    kept: list[str] = []
    options: dict[str, str] = {}
    inside, current, base = False, "", 0
    for line in lines:
        stripped = line.strip()
        if not inside:
            if stripped == _HEAD:
                inside, current, base = True, "", 0
            else:
                kept.append(line)
            continue
        indent = len(line) - len(line.lstrip())
        if stripped and indent == 0:
            inside = False
            kept.append(line)
            continue
        match = _OPTION.fullmatch(stripped)
        if match and (not base or indent <= base):
            base = base or indent
            current = match["name"]
            options[current] = match["text"]
        elif stripped and current:
            options[current] += f" {stripped}"
    paragraphs = re.split(r"\n\s*\n", "\n".join(kept).strip(), maxsplit=1)
    return Docstring(
        " ".join(paragraphs[0].split()), paragraphs[1].strip() if len(paragraphs) > 1 else "", options
    )
