"""A text between two marks in a page of ``docs/``, written from the code or from tables by this folder's commands."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from hydra_steps.errors import StudyError

PAGES = Path(__file__).parents[1] / "docs"


def between(text: str, begin: str, end: str, content: str, what: str) -> str:
    """``text`` with ``content`` between its two marks; :class:`StudyError`, which names ``what``, without them."""
    before, found, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found and found_end):
        raise StudyError(f"the page has no marks for {what}", f"{begin} and {end}")
    return f"{before}{begin}\n{content}{end}{after}"


def rewrite(page: Path, program: str, description: str | None, updated: Callable[[str], str]) -> None:
    """The command ``program``: bring ``page`` up to date."""
    argparse.ArgumentParser(
        prog=program, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    page.write_text(updated(page.read_text(encoding="utf-8")), encoding="utf-8")
