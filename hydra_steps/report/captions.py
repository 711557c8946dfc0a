"""Figure captions: the workflow's own caption templates, filled from the configuration and turned into HTML.

A caption is a Jinja2 template in a small part of reStructuredText (paragraphs, ``*emphasis*``,
``**strong**``, ````code````) that reads ``snakemake.config``, so that one text serves Snakemake's report and
this one.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from jinja2 import Template, TemplateError

from hydra_steps.errors import StudyError

_INLINE = (
    (re.compile(r"``(.+?)``"), r"<code>\1</code>"),
    (re.compile(r"\*\*(.+?)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"\*(.+?)\*"), r"<em>\1</em>"),
)


def caption_text(path: str | Path, config: Mapping[str, Any]) -> str:
    """Return the filled caption, one line per paragraph, still with its inline marks."""
    try:
        filled = Template(Path(path).read_text(encoding="utf-8")).render(
            snakemake=SimpleNamespace(config=config)
        )
    except (OSError, TemplateError) as error:
        raise StudyError(
            f"the caption {path} cannot be filled: {error}", "", "mend the template there"
        ) from error
    paragraphs = re.split(r"\n\s*\n", filled.strip())
    return "\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def caption_html(text: str) -> str:
    """Return the caption's paragraphs as HTML, joined by spaces; everything but the inline marks is escaped."""
    safe = html.escape(text, quote=False).replace("\n", " ")
    for mark, replacement in _INLINE:
        safe = mark.sub(replacement, safe)
    return safe


def plain_text(text: str) -> str:
    """Return the caption without marks, for a picture's alternative text."""
    return re.sub(r"\*+|``", "", text).replace("\n", " ")
