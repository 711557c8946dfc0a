"""Captions, written in reStructuredText, as the page shows them: paragraphs with emphasis, strong words and code."""

from __future__ import annotations

import html

from docutils import nodes
from docutils.core import publish_doctree

TAGS = {nodes.literal: "code", nodes.strong: "strong", nodes.emphasis: "em"}
SETTINGS = {
    "_disable_config": True,  # nobody's own docutils.conf
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "report_level": 5,  # what is no reStructuredText stays as it was written
    "halt_level": 5,
}


def caption_html(text: str) -> str:
    """Return the caption's paragraphs as HTML, joined by spaces; everything but the inline marks is escaped."""
    return " ".join(_html(block) for block in _blocks(text))


def plain_text(text: str) -> str:
    """Return the caption without marks, for a picture's alternative text.

    >>> plain_text("As *written* in ``a.csv``.")
    'As written in a.csv.'
    """
    return " ".join(_one_line(block.astext()) for block in _blocks(text))


def _blocks(text: str) -> list[nodes.Node]:
    found = publish_doctree(text, settings_overrides=SETTINGS).children
    return [block for block in found if not isinstance(block, nodes.system_message)]


def _html(node: nodes.Node) -> str:
    if isinstance(node, nodes.Text):
        return html.escape(_one_line(node.astext()), quote=False)
    inner = "".join(_html(child) for child in node.children)
    tag = TAGS.get(type(node))
    return f"<{tag}>{inner}</{tag}>" if tag else inner


def _one_line(text: str) -> str:
    return text.replace("\n", " ")
