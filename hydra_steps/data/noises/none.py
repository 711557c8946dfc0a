"""No noise."""

from __future__ import annotations

import numpy as np

from hydra_steps.data.clean_targets import CleanTargets
from hydra_steps.registry.decorators import noise


@noise("none", title="left as they are", targets=())
def none(clean: CleanTargets) -> np.ndarray:
    """The targets as they are."""
    return clean.targets.copy()
