"""Which data a section ``data`` names: the dataset, its folder, and its options. What every reader of them is told."""

from __future__ import annotations

from hydra_steps.config.typed import Plain
from hydra_steps.registry import find


def source_settings(data: Plain) -> Plain:
    """Return ``name``, ``folder`` and, where the dataset has any, ``options`` of a plain section ``data``."""
    known = find("dataset", data["name"], "data.name").options
    options = {key: data[key] for key in known if key in data}
    return {"name": data["name"], "folder": data["folder"], **({"options": options} if options else {})}
