"""Wrong labels of the next class."""

from __future__ import annotations

import numpy as np

from hydra_steps.data.clean_targets import CleanTargets, draw_touched
from hydra_steps.registry.decorators import noise
from hydra_steps.registry.types import Share


@noise("pair_flip", title="replaced by the next class")
def pair_flip(clean: CleanTargets, rate: Share = 0.2) -> np.ndarray:
    """To the next class.

    Options:
        rate: Share of the training labels that are redrawn.
    """
    labels, touched = clean.targets.copy(), draw_touched(clean, rate)
    labels[touched] = (labels[touched] + 1) % clean.outputs
    return labels
