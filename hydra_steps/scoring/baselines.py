"""Scores without gradients: the sample's final loss, and chance."""

from __future__ import annotations

import numpy as np
import torch

from hydra_steps.process.queries.query_set import QuerySet
from hydra_steps.registry.decorators import method
from hydra_steps.registry.types import Seed
from hydra_steps.scoring.contribution import Contribution
from hydra_steps.scoring.gradients import CHUNK
from hydra_steps.trajectory.trajectory import Trajectory


@method(
    "final_loss",
    title="Final loss",
    unit="rank only",
    computes="minus the sample's own loss at the end of training: what is not learnt is suspected to harm",
    cost="one evaluation of the training data",
    use="the first thing to try against wrong labels, and the baseline to beat",
    work={"gradients": "1"},
    colour="#444444",
    marker="s",
    line=(0, (1, 1)),
    order=150,
)
def final_loss(
    trajectory: Trajectory,
    queries: QuerySet,
) -> Contribution:
    """The sample's own loss at the final state, negated; rank only.

    −ℓ_n(θ_T) [q, n] float64, the same for every query: large losses come last, as harmful.

    In float64 from the logits on: cross-entropy in float32 is 0 for all margins above 17, in float64 above 36.
    """
    process, final = trajectory.process, trajectory.final_state
    with torch.no_grad():
        losses = [
            process.loss.values(
                process.model.logits(final.parameters, final.buffers, images).double(), labels
            )
            for images, labels in zip(process.inputs.split(CHUNK), process.targets.split(CHUNK), strict=True)
        ]
    values = -torch.cat(losses) if losses else torch.zeros(0, dtype=torch.float64)
    return Contribution(values.expand(len(queries), -1))


@method(
    "random",
    title="Random",
    unit="rank only",
    computes="independent normal numbers: what chance achieves",
    cost="nothing",
    needs="nothing",
    use="the control",
    work={"gradients": "0.01"},
    colour="#999999",
    marker="o",
    line=(0, (1, 2)),
    order=230,
)
def random(
    trajectory: Trajectory,
    queries: QuerySet,
    *,
    seed: Seed = 0,
) -> Contribution:
    """Random scores, the control; rank only.

    Standard normal numbers [q, n] float64, keyed by ``seed`` and the run's seed.

    Options:
        seed: Seed of the numbers, besides the run's.
    """
    generator = np.random.Generator(np.random.Philox(key=[seed, trajectory.process.seed]))
    return Contribution(
        torch.from_numpy(generator.standard_normal((len(queries), trajectory.process.samples)))
    )
