"""Training anew on a part of the samples: another seed, and the study's settings otherwise.

Not a counterfactual: initial parameters, batch order and number of steps change with the seed and with the
number of samples. It answers what a user gets who throws samples away and trains again. Epochs are as
configured, so fewer samples mean fewer steps.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hydra_steps.config.sections import RunSettings
from hydra_steps.data import RunData, Split
from hydra_steps.data.seeding import generator_of
from hydra_steps.errors import StudyError
from hydra_steps.process.building import build_process
from hydra_steps.process.process import Process
from hydra_steps.process.running import train
from hydra_steps.process.state import State


def keep_samples(data: RunData, kept: np.ndarray) -> RunData:
    """Return the data with only the training samples ``kept`` (positions [m]); refused if there are none."""
    if not len(kept):
        raise StudyError(
            f"all {len(data.train)} training samples are removed", "at least one left", "lower the fraction"
        )
    train = data.train
    part = Split(train.inputs[kept], train.targets[kept], train.source_index[kept])
    clean, noisy = (None if one is None else one[kept] for one in (data.clean_targets, data.is_noisy))
    return replace(data, train=part, clean_targets=clean, is_noisy=noisy)


def train_anew(settings: RunSettings, data: RunData, seed: int) -> tuple[Process, State]:
    """Train on ``data`` with ``settings`` and ``seed``; return the process and its final state.

    The schedule runs afresh; one that reacts does so to this training's own validation loss. Cost: one training.
    """
    process = build_process(replace(settings, seed=seed), data)
    return process, train(process, data.validation)[0]


def fresh_seed(seed: int, number: int) -> int:
    """The seed of the ``number``-th fresh training of a run, far from the seeds that a study lists."""
    return int(generator_of(seed, "fresh", 0.0, number).integers(2**31, 2**32))
