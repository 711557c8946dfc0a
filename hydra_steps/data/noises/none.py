"""No noise."""

from __future__ import annotations

import numpy as np

from hydra_steps.data.clean_labels import CleanLabels
from hydra_steps.registry.decorators import noise


@noise("none", title="left as they are")
def none(clean: CleanLabels) -> np.ndarray:
    """The labels as they are."""
    return clean.labels.copy()
