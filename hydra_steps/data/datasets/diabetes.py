"""``diabetes``: ten measurements of 442 patients and how far their disease had gone a year later; bundled with
scikit-learn.

Efron, Hastie, Johnstone and Tibshirani (2004), Least angle regression. Inputs and target are standardised by all 442
patients: mean 0, standard deviation 1.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hydra_steps.data.raw import Part
from hydra_steps.registry.decorators import dataset


@dataset(
    "diabetes",
    targets="numbers",
    outputs=["disease progression"],
    shape=[10],
    parts={"train": 442},
    reference="Efron, Hastie, Johnstone and Tibshirani (2004), Least angle regression",
    bundled="",
    reads=(),
)
def diabetes(folder: Path) -> dict[str, Part]:
    """Ten measurements of 442 patients and the progression of their disease after a year, bundled with scikit-learn."""
    from sklearn.datasets import load_diabetes

    bunch = load_diabetes(scaled=False)
    rows = [
        ", ".join(f"{name} {value:g}" for name, value in zip(bunch.feature_names, row, strict=True))
        for row in bunch.data
    ]
    return {"train": Part(_standardised(bunch.data), _standardised(bunch.target[:, None]), shown=rows)}


def _standardised(values: np.ndarray) -> np.ndarray:
    return np.asarray((values - values.mean(0)) / values.std(0), np.float32)
