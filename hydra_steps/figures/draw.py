"""Draw any figure by its name, from the tables that its function names.

A drawing function says by its parameters what it reads: ``agreement_table`` is ``agreement.csv``; any other parameter
without a default is a file (or several) of that name, such as ``extremes_images``; one with a default is given where
the file is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra_steps.errors import StudyError
from hydra_steps.registry import Entry, find, load

if TYPE_CHECKING:
    from hydra_steps.figures.style import Style  # no matplotlib where figures are planned

TABLE = "_table"
# What every figure is given, if it has a parameter for it.
GIVEN = ("outputs", "methods", "style")

Files = str | Path | Sequence[str | Path]


def draw_figure(
    name: str,
    files: Mapping[str, Files],
    outputs: Sequence[str | Path],
    methods: Mapping[str, str] | None = None,
    style: Style | None = None,
) -> None:
    """Draw the figure ``name`` in every format that the suffixes of ``outputs`` name.

    ``files``: the tables by their names, and what else stands beside them (:func:`needed_files`); those that the
    figure does not read are passed over. ``methods``: the study's method labels in its order, each with its method.
    Raises :class:`StudyError` for an unknown figure and for a file that it needs and is not given.
    """
    entry = find("figure", name, "figure")
    needed = needed_files(entry)
    if missing := [file for file in needed if file not in files]:
        raise StudyError(
            f"the figure {name} is not given {' and '.join(missing)}",
            f"all that it reads: {', '.join(needed)}",
            f"make them, or change the parameters of {entry.function} at {entry.where}",
        )
    given: dict[str, Any] = {"outputs": list(outputs), "methods": methods, "style": style}
    given = {p: value for p, value in given.items() if p in (*entry.given, *entry.optional)}
    read = (needed | optional_files(entry)).items()
    load("figure", name)(**given, **{parameter: files[file] for file, parameter in read if file in files})


def needed_files(entry: Entry) -> dict[str, str]:
    """Return the names of the tables and other files that a figure cannot do without, each with its parameter."""
    return {_file(parameter): parameter for parameter in entry.given if parameter not in GIVEN}


def optional_files(entry: Entry) -> dict[str, str]:
    """Return the names of the tables that a figure reads where they are made, each with its parameter."""
    return {_file(parameter): parameter for parameter in entry.optional if parameter.endswith(TABLE)}


def _file(parameter: str) -> str:
    return parameter.removesuffix(TABLE)
