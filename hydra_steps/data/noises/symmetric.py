"""Wrong labels drawn from the other classes."""

from __future__ import annotations

import numpy as np

from hydra_steps.data.clean_targets import CleanTargets, draw_below, draw_touched
from hydra_steps.registry.decorators import noise
from hydra_steps.registry.types import Share


@noise("symmetric", title="replaced by another class drawn at random")
def symmetric(clean: CleanTargets, rate: Share = 0.2) -> np.ndarray:
    """Uniform over the other classes.

    Options:
        rate: Share of the training labels that are redrawn.
    """
    labels, touched = clean.targets.copy(), draw_touched(clean, rate)
    shift = 1 + draw_below(clean.outputs - 1, len(touched), clean.stream)  # 1 .. C − 1
    labels[touched] = (labels[touched] + shift) % clean.outputs
    return labels
