"""Wrong tokens: some of those that a sequence asks for are replaced by others."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from hydra_steps.data.clean_targets import CleanTargets, draw_below, draw_touched
from hydra_steps.registry.decorators import noise
from hydra_steps.registry.types import Share


@noise("replaced_tokens", title="replaced in part", targets=("tokens",))
def replaced_tokens(
    clean: CleanTargets, rate: Share = 0.2, share: Annotated[float, "0 < x <= 1"] = 0.5
) -> np.ndarray:
    """In some sequences tokens that are asked for are replaced by others, each as likely; what is given stays.

    Options:
        rate: Share of the training sequences of which tokens are replaced.
        share: Share of the tokens of such a sequence; at least one.
    """
    targets = clean.targets.copy()
    for row in draw_touched(clean, rate):
        asked = np.flatnonzero(targets[row] >= 0)
        count = min(len(asked), max(1, round(share * len(asked))))
        places = asked[np.argsort(clean.stream.random(len(asked)))[:count]]
        shift = 1 + draw_below(clean.outputs - 1, count, clean.stream)
        targets[row, places] = (targets[row, places] + shift) % clean.outputs
    return targets
