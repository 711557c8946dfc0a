"""The one digest of a study: of its settings, and of what was computed from them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra_steps.provenance.content import content_of
from hydra_steps.provenance.record import plain


def study_digest(settings: Mapping[str, Any], results: Mapping[str, str | Path]) -> str:
    """Return the SHA-256 of a study's ``settings``, wherever its results are, and of its ``results`` by name.

    ``results`` are those that are the same in every run of the study: trajectories and tables, but not those with
    readings of the clock. Raises :class:`StudyError` for one that cannot be read.
    """
    decided = {name: value for name, value in settings.items() if name != "results"}
    contents = {name: content_of(path) for name, path in results.items()}
    return hashlib.sha256(json.dumps([plain(decided), contents], sort_keys=True).encode()).hexdigest()
