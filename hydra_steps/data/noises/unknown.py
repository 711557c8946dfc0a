"""Labels whose mistakes are their own: nobody knows which."""

from __future__ import annotations

import numpy as np

from hydra_steps.data.clean_labels import CleanLabels
from hydra_steps.registry.decorators import noise


@noise("unknown", title="as they came; which of them are wrong is not known", known=False)
def unknown(clean: CleanLabels) -> np.ndarray:
    """As they came: some may be wrong, and which is not known. Nothing is measured against the truth; the samples with
    the lowest contributions are listed in `suspects.csv`."""
    return clean.labels.copy()
