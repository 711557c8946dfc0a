"""A page as one file: a template with its style and script put into it, everything else escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup


def render_page(folder: str | Path, content: Mapping[str, Any], scripts: Sequence[str] = ("page.js",)) -> str:
    """Fill ``page.html.j2`` of ``folder`` with ``content``, its ``page.css`` as ``css`` and the ``scripts`` as
    ``script``; a name that the template asks for and ``content`` lacks is an error."""
    here = Path(folder)
    environment = Environment(
        loader=FileSystemLoader(here),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    style = Markup((here / "page.css").read_text(encoding="utf-8"))
    script = Markup("".join((here / name).read_text(encoding="utf-8") for name in scripts))
    return environment.get_template("page.html.j2").render(css=style, script=script, **content)
