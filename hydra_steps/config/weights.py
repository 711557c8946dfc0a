"""The file of a model's initial weights, as a study names it: where it is, and which content it had.

The digest is a setting like any other, so that everything runs again when the file's content changes, and a job that
finds another content than the plan did refuses it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from hydra_steps.errors import StudyError


def pin_weights(raw: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return what a user wrote, each ``model.initial`` in full, relative to ``folder``, with the SHA-256 of its file.

    What has the wrong form is left for the schema. Raises :class:`StudyError` for a file that cannot be read, and for
    one whose content is not that of a digest which stands beside it.
    """
    pinned = dict(raw)
    if isinstance(raw.get("model"), Mapping):
        pinned["model"] = _pinned(raw["model"], folder, "model")
    variants = raw.get("variants")
    if isinstance(variants, Mapping):
        pinned["variants"] = {
            name: {**override, "model": _pinned(override["model"], folder, f"variants.{name}.model")}
            if isinstance(override, Mapping) and isinstance(override.get("model"), Mapping)
            else override
            for name, override in variants.items()
        }
    return pinned


def _pinned(model: Mapping[str, Any], folder: Path, key: str) -> dict[str, Any]:
    if "initial" not in model or not isinstance(model["initial"], str | None):
        return dict(model)
    if model["initial"] is None:
        return {**model, "initial_sha256": None}
    file = Path(os.path.abspath(folder / Path(model["initial"]).expanduser()))
    try:
        state = file.stat()
        found = _sha256(file, state.st_size, state.st_mtime_ns)
    except OSError as error:
        raise StudyError(
            f"{key}.initial: {file} cannot be read: {error.strerror}",
            "a file of weights, relative to the study's file",
            f"correct {key}.initial",
        ) from error
    asked = model.get("initial_sha256")
    if asked is not None and asked != found:
        raise StudyError(
            f"{key}.initial: {file} has SHA-256 {found}",
            f"{asked}, as {key}.initial_sha256 says",
            f"restore the file, or remove {key}.initial_sha256",
        )
    return {**model, "initial": str(file), "initial_sha256": found}


@cache
def _sha256(file: Path, size: int, changed: int) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
