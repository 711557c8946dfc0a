"""Scores without gradients: the sample's final loss, and chance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.scoring.gradients import CHUNK
from hydra_steps.scoring.registry import Contribution, scorer
from hydra_steps.trajectory.trajectory import Trajectory


@scorer(
    "final_loss",
    unit="rank only",
    summary="minus the sample's own loss at the end of training: what is not learnt is suspected to harm",
    cost="one evaluation of the training data",
    use="the first thing to try against wrong labels, and the baseline to beat",
)
def final_loss(trajectory: Trajectory, queries: QuerySet, options: Mapping[str, Any]) -> Contribution:
    """−ℓ_n(θ_T) [q, n] float64, the same for every query; rank only: large losses come last, as harmful.

    In float64 from the logits on: cross-entropy in float32 is 0 for all margins above 17, in float64 above 36.
    """
    process, final = trajectory.process, trajectory.final_state
    with torch.no_grad():
        losses = [
            process.loss.values(
                process.model.logits(final.parameters, final.buffers, images).double(), labels
            )
            for images, labels in zip(process.images.split(CHUNK), process.labels.split(CHUNK), strict=True)
        ]
    values = -torch.cat(losses) if losses else torch.zeros(0, dtype=torch.float64)
    return Contribution(values.expand(len(queries), -1))


@scorer(
    "random",
    unit="rank only",
    summary="independent normal numbers: what chance achieves",
    cost="nothing",
    needs="nothing",
    use="the control",
)
def random(trajectory: Trajectory, queries: QuerySet, options: Mapping[str, Any]) -> Contribution:
    """Standard normal numbers [q, n] float64, keyed by the option ``seed`` (0) and the run's seed; rank only."""
    generator = np.random.Generator(
        np.random.Philox(key=[int(options.get("seed", 0)), trajectory.process.seed])
    )
    return Contribution(
        torch.from_numpy(generator.standard_normal((len(queries), trajectory.process.samples)))
    )
