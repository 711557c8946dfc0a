"""Every rate equals PyTorch's schedulers', bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from hydra_steps.errors import StudyError
from hydra_steps.process.schedules import Schedule
from hydra_steps.registry import names, use_plugins
from hydra_steps.registry.plugins import VARIABLE

OWN = """\
from hydra_steps.plugins import schedule


@schedule("halved_when_worse")
def halved_when_worse(rate, losses, share: float = 0.5):
    return rate * share if len(losses) > 1 and losses[-1] > losses[-2] and rate > 0.5 else rate



@schedule("unclear")
def unclear(rate, speed):
    return rate
"""
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
        ("multistep", {"milestones": [2, 5, 11], "factor": 0.3}),
        ("cosine", {}),
        ("plateau", {"factor": 0.5, "patience": 0}),
        ("plateau", {"factor": 0.1, "patience": 2}),
    ],
)
def test_rates_are_torchs(name, settings):
    schedule = Schedule(name, settings, 0.3, epochs=20, steps_per_epoch=3)
    rates = []
    for epoch in range(20):
        rates.append(schedule.rate(3 * epoch))
        assert schedule.rate(3 * epoch + 2) == rates[-1]
        schedule.end_epoch(float(LOSSES[epoch]))
    assert rates == _torchs(name, settings, 20)


@pytest.mark.parametrize("steps", [1, 2, 3, 30])
@pytest.mark.parametrize("name", ["linear", "one_cycle"])
def test_rates_by_step_are_torchs(name, steps):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    if name == "linear":
        scheduler = lr_scheduler.LambdaLR(optimizer, lambda step: (steps - step) / steps)
    else:
        scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr=0.3, total_steps=steps, cycle_momentum=False)
    schedule, found, expected = Schedule(name, {}, 0.3, epochs=steps, steps_per_epoch=1), [], []
    for step in range(steps):
        found.append(schedule.rate(step))
        schedule.end_epoch(1.0)
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if step + 1 < steps:
            scheduler.step()
    assert found == pytest.approx(expected, rel=1e-14, abs=1e-18)


def test_warm_up_rises_by_step_to_the_schedules_rate():
    schedule = Schedule("constant", {}, 0.4, epochs=5, steps_per_epoch=2, warmup_epochs=2)
    assert [schedule.rate(step) for step in range(6)] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.4, 0.4])


def test_only_what_names_the_losses_reacts():
    reacting = [name for name in names("schedule") if Schedule(name, {}, 0.1, 5, 1).reacts]
    assert reacting == ["plateau"]


def test_a_schedule_of_ones_own_names_what_it_needs(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "")
    (tmp_path / "own.py").write_text(OWN)
    use_plugins(["own.py"], tmp_path)
    schedule = Schedule("halved_when_worse", {"share": 0.25}, 0.8, epochs=4, steps_per_epoch=1)
    rates = []
    for epoch, loss in enumerate([1.0, 2.0, 1.5, 3.0]):
        rates.append(schedule.rate(epoch))
        schedule.end_epoch(loss)
    assert rates == [0.8, 0.8, 0.2, 0.2]
    with pytest.raises(
        StudyError, match=r"own\.py:11: the schedule unclear takes rate, speed; .*epochs, losses"
    ):
        Schedule("unclear", {}, 0.1, 1, 1)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("cosin", {}, r"training\.schedule\.name: 'cosin' .*did you mean 'cosine'"),
        (
            "multistep",
            {"milestones": [5, 2]},
            r"training\.schedule: multistep with milestones \[5, 2\]; .*rising",
        ),
        ("multistep", {"milestones": [2, 2]}, "rising order"),
        ("plateau", {"patients": 1}, "did you mean 'patience'"),
    ],
)
def test_what_cannot_be_is_named(name, options, message):
    with pytest.raises(StudyError, match=message):
        Schedule(name, options, 0.1, 1, 1)
