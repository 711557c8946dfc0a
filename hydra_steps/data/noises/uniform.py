"""Labels drawn from all classes."""

from __future__ import annotations

import numpy as np

from hydra_steps.data.clean_targets import CleanTargets, draw_below, draw_touched
from hydra_steps.registry.decorators import noise
from hydra_steps.registry.types import Share


@noise("uniform", title="replaced by a class drawn at random, the true one included")
def uniform(clean: CleanTargets, rate: Share = 0.2) -> np.ndarray:
    """Uniform over all classes, the true one included.

    Options:
        rate: Share of the training labels that are redrawn.
    """
    labels, touched = clean.targets.copy(), draw_touched(clean, rate)
    labels[touched] = draw_below(clean.outputs, len(touched), clean.stream)
    return labels
