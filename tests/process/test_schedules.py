"""Every rate equals PyTorch's schedulers', bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from hydra_steps.errors import StudyError
from hydra_steps.process.schedules import Schedule

LOSSES = np.random.default_rng(0).normal(1, 0.3, 20).cumsum() / np.arange(1, 21)


def _torchs(name, settings, epochs):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    scheduler = {
        "constant": lambda: lr_scheduler.ConstantLR(optimizer, factor=1),
        "multistep": lambda: lr_scheduler.MultiStepLR(optimizer, settings["milestones"], settings["factor"]),
        "cosine": lambda: lr_scheduler.CosineAnnealingLR(optimizer, epochs),
        "plateau": lambda: lr_scheduler.ReduceLROnPlateau(
            optimizer, factor=settings["factor"], patience=settings["patience"]
        ),
    }[name]()
    rates = []
    for epoch in range(epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step(LOSSES[epoch]) if name == "plateau" else scheduler.step()
    return rates


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("constant", {}),
        ("multistep", {"milestones": [2, 5, 5, 11], "factor": 0.3}),
        ("cosine", {}),
        ("plateau", {"factor": 0.5, "patience": 0}),
        ("plateau", {"factor": 0.1, "patience": 2}),
    ],
)
def test_rates_are_torchs(name, settings):
    schedule = Schedule({"name": name, **settings}, 0.3, epochs=20, steps_per_epoch=3)
    rates = []
    for epoch in range(20):
        rates.append(schedule.rate(3 * epoch))
        assert schedule.rate(3 * epoch + 2) == rates[-1]
        schedule.end_epoch(float(LOSSES[epoch]))
    assert rates == _torchs(name, settings, 20)


def test_warm_up_rises_by_step_to_the_schedules_rate():
    schedule = Schedule({"name": "constant", "warmup_epochs": 2}, 0.4, epochs=5, steps_per_epoch=2)
    assert [schedule.rate(step) for step in range(6)] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.4, 0.4])


def test_an_unknown_schedule_is_named():
    with pytest.raises(StudyError, match="did you mean 'cosine'"):
        Schedule({"name": "cosin"}, 0.1, 1, 1)
