"""One thing of each kind that a study can bring: ``plugins: [example_plugin.py]`` in ``example_plugin.yaml``.

What a function takes without a default is given to it; parameters with a default are options of the study.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
from torch import nn

from hydra_steps.plugins import (
    Part,
    dataset,
    model,
    noise,
)


@dataset(
    "stripes", title="striped squares", classes=["across", "down"], shape=[1, 8, 8], parts={"train": 400}
)
def stripes(folder: Path) -> dict[str, Part]:
    """Squares with noisy stripes that run across or down."""
    draw = np.random.default_rng(0)
    labels = np.arange(400) % 2
    across = np.repeat(np.arange(8) % 2, 8).reshape(8, 8)
    images = 160.0 * np.where(labels[:, None, None] == 0, across, across.T) + draw.uniform(0, 90, (400, 8, 8))
    return {"train": Part(images[:, None].astype(np.uint8), labels)}


@noise("first_ones", title="flipped, the first ones of the split")
def first_ones(clean, rate: Annotated[float, "0 <= x <= 1"] = 0.1):
    """Flip the labels of the first samples."""
    labels = clean.labels.copy()
    count = round(rate * len(labels))
    labels[:count] = (labels[:count] + 1) % clean.classes
    return labels


@model("two_layers", title="network of two layers")
def two_layers(shape, outputs, width: Annotated[int, "x >= 1"] = 16):
    """One hidden layer of softplus units."""
    inputs = int(np.prod(shape))
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, width), nn.Softplus(), nn.Linear(width, outputs))
