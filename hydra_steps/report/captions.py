"""Captions as HTML: a small part of reStructuredText (paragraphs, ``*emphasis*``, ``**strong**``, ````code````)."""

from __future__ import annotations

import html
import re

_INLINE = (
    (re.compile(r"``(.+?)``"), r"<code>\1</code>"),
    (re.compile(r"\*\*(.+?)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"\*(.+?)\*"), r"<em>\1</em>"),
)


def caption_html(text: str) -> str:
    """Return the caption's paragraphs as HTML, joined by spaces; everything but the inline marks is escaped."""
    safe = re.sub(r"\s*\n\s*", " ", html.escape(text, quote=False))
    for mark, replacement in _INLINE:
        safe = mark.sub(replacement, safe)
    return safe


def plain_text(text: str) -> str:
    """Return the caption without marks, for a picture's alternative text."""
    return re.sub(r"\s*\n\s*", " ", re.sub(r"\*+|``", "", text))
