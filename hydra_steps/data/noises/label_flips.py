"""Wrong labels where a sample has several: some are turned round."""

from __future__ import annotations

import numpy as np

from hydra_steps.data.clean_targets import CleanTargets, draw_touched
from hydra_steps.registry.decorators import noise
from hydra_steps.registry.types import Share


@noise("label_flips", title="turned round", targets=("labels",))
def label_flips(clean: CleanTargets, rate: Share = 0.2) -> np.ndarray:
    """One label of some samples is turned round: there where it was not, or gone where it was.

    Options:
        rate: Share of the training samples of which a label is turned round.
    """
    targets, touched = clean.targets.copy(), draw_touched(clean, rate)
    places = np.floor(clean.stream.random(len(touched)) * targets.shape[1]).astype(np.int64)
    targets[touched, places] = 1 - targets[touched, places]
    return targets
