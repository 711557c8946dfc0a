"""Labels whose mistakes are their own: nobody knows which."""

from __future__ import annotations

import numpy as np

from hydra_steps.data.clean_targets import CleanTargets
from hydra_steps.registry.decorators import noise


@noise("unknown", title="as they came; which of them are wrong is not known", targets=(), known=False)
def unknown(clean: CleanTargets) -> np.ndarray:
    """As they came: some may be wrong, and which is not known. Nothing is measured against the truth; the samples with
    the lowest contributions are listed in `suspects.csv`."""
    return clean.targets.copy()
