"""The folder of what may be lost: what was worked out once and is only worked out again where it is gone."""

from __future__ import annotations

import os
from pathlib import Path


def user_cache(*parts: str) -> Path:
    """Return a path below the user's cache of this package, which need not exist."""
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "hydra-steps", *parts)
