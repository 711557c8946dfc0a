"""The trainings that a ground truth is drawn from: the run itself, the run moved by a hair, or fresh seeds.

Where training is chaotic, a re-training is one draw of many: the same training from initial parameters moved by a
factor 1 + 10⁻⁶ · normal ends elsewhere, and without a group elsewhere again. How well two such truths agree bounds what
any score can reach against one of them: their correlation r is the reliability of the truth, and √r the ceiling. A
truth from fresh seeds (another start, order and noise) asks for what holds on average over trainings.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch

from hydra_steps.counterfactual.fresh import fresh_seed
from hydra_steps.data.seeding import generator_of
from hydra_steps.process.process import Process
from hydra_steps.trajectory.trajectory import Trajectory

MOVE = 1e-6


@dataclass(frozen=True)
class Draw:
    """A training with all samples, ``base``; ``name`` tells what was made from it apart, empty for the run itself.

    ``moved``: which of the moved ones it is, 0 for none; ``subset``: groups are left out by training on the rest alone.
    """

    name: str
    base: Trajectory
    moved: int = 0
    subset: bool = False

    def change(self, removed: np.ndarray) -> list[int | str]:
        """What a bank knows the re-training without ``removed`` by."""
        told = [self.name] if self.name else []
        told += ["subset"] if self.subset else []
        told += [f"from step {self.base.first}"] if self.base.first else []
        return [*told, *removed.tolist()]


def draws_of(
    base: Trajectory,
    repeats: int,
    seeds: int,
    window: Mapping[str, int] | None = None,
    subset: bool = False,
) -> list[Draw]:
    """The run and ``repeats`` of it that are moved; or, where ``seeds`` is not 0, so many fresh trainings instead.

    ``window``: the steps that groups are left out of (:mod:`hydra_steps.config.windows`); ``subset``: by training
    on the rest alone.
    """
    if seeds:
        known = ((number, fresh_seed(base.process.seed, number)) for number in range(seeds))
        drawn = [Draw(f"seed {number}", base.from_seed(seed)) for number, seed in known]
    else:
        moved = [Draw(f"moved {number}", _moved(base, number), number) for number in range(1, repeats + 1)]
        drawn = [Draw("", base), *moved]
    return [replace(draw, base=draw.base.within(window), subset=subset) for draw in drawn]


def _moved(base: Trajectory, number: int) -> Trajectory:
    process = moved_process(base.process, number)
    return replace(
        base, process=process, checkpoints=[0], load=lambda step: process.initial_state(), store=None
    )


def moved_process(process: Process, number: int) -> Process:
    """The same process from initial parameters moved by a factor 1 + ``MOVE`` · normal, one for each ``number``."""
    model = copy.copy(process.model)
    normal = generator_of(process.seed, "moved", 0.0, number).standard_normal(len(model.initial))
    model.initial = model.initial * (1 + MOVE * torch.from_numpy(normal)).to(model.initial)
    return replace(process, model=model)
