"""A study's figures as the page holds them: embedded, numbered in reading order, with caption and alternative text."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from hydra_steps.figures.captions import caption_text
from hydra_steps.registry import entries
from hydra_steps.report.captions import caption_html, plain_text
from hydra_steps.report.chapters import chapters

TYPES = {".svg": "image/svg+xml", ".png": "image/png"}
COLUMN = 72 * 4.0  # points: what is wider takes both columns of a printed page


@dataclass(frozen=True)
class Picture:
    """A figure on the page: its number, caption, alternative text, and content as a data URI."""

    name: str
    number: int
    caption: Markup
    alternative: str
    source: str
    files: str
    wide: bool


def pictures(figures: Sequence[str | Path], settings: Mapping[str, Any], folder: Path) -> dict[str, Picture]:
    """Return the pictures by name, numbered in reading order; file names are told relative to ``folder``."""
    files: dict[str, dict[str, Path]] = {}
    for path in map(Path, figures):
        files.setdefault(path.stem, {})[path.suffix] = path
    known = entries("figure")
    found: dict[str, Picture] = {}
    for name in (name for chapter in chapters(files) for name in chapter.figures if name in files):
        suffix = next((suffix for suffix in TYPES if suffix in files[name]), None)
        if suffix is None:
            continue  # a pdf alone cannot be embedded
        raw = files[name][suffix].read_bytes()
        text = caption_text(known[name], settings) if name in known else name.replace("_", " ").capitalize()
        found[name] = Picture(
            name,
            len(found) + 1,
            Markup(caption_html(text)),
            plain_text(text),
            f"data:{TYPES[suffix]};base64,{base64.b64encode(raw).decode('ascii')}",
            ", ".join(sorted(_relative(path, folder) for path in files[name].values())),
            _is_wide(raw),
        )
    return found


def _relative(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else path.name


def _is_wide(raw: bytes) -> bool:
    """Say whether a picture is wider than one column; a png, which does not tell its size in print, counts as wide."""
    width = re.search(rb'<svg[^>]*\swidth="([\d.]+)pt"', raw[:4000])
    return width is None or float(width[1]) > COLUMN
