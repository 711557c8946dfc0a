"""Where the outputs and the data of a study are, once a workflow that imports this one has put them into a folder.

``module … prefix: "one"`` lets Snakemake write ``one/`` before every path that a rule names. A study's own values,
which jobs are told and its plan looks at, have to say the same.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath
from typing import Any

from hydra_steps.config.descriptions import described_by
from hydra_steps.config.runs import PlainStudy

Place = Callable[[str], str]


def placed(study: PlainStudy, place: Place) -> PlainStudy:
    """Return a resolved study with its folders as ``place`` moves the paths below them.

    ``place`` is given paths of outputs and of data, and returns where they are. Where it changes none, ``study`` itself
    is returned.
    """
    moved = {
        **study,
        "results": _folder(place, study["results"], study["study"]),
        "data": _data(place, study["data"], study["data"]["name"]),
        "variants": {
            name: {**override, "data": _data(place, override["data"], study["data"]["name"])}
            if "folder" in override.get("data", {})
            else override
            for name, override in study["variants"].items()
        },
    }
    return study if moved == study else moved


def _data(place: Place, section: dict[str, Any], name: str) -> dict[str, Any]:
    if described_by(section.get("name", name)):  # a user's own files lie where they lie
        return section
    return {**section, "folder": _folder(place, section["folder"], section.get("name", name))}


def _folder(place: Place, folder: str, inside: str) -> str:
    """Return where a folder is, by where something inside it is: rules name no folder alone."""
    path = f"{folder}/{inside}"
    return folder if str(place(path)) == path else str(PurePath(place(path)).parent)
