"""Clipping and parameter groups: PyTorch's training, and derivatives through both."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from hydra_steps.config.sections import RunSettings
from hydra_steps.errors import StudyError
from hydra_steps.models.build import build_model
from hydra_steps.process.linearised import Curvature
from hydra_steps.process.process import Process
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import run
from hydra_steps.process.together import one_by_one, run_together
from hydra_steps.scoring.hydra import hydra_exact, hydra_gauss_newton, hydra_hessian_free
from hydra_steps.scoring.hydra_forward import hydra_forward
from hydra_steps.scoring.sweep import reverse_sweep
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import OPTIMIZERS, built, relative_error, tiny_data, tiny_rates, tiny_settings
from tests.helpers.unrolled import unrolled_contribution

SPECS = [
    {"kind": "mean_loss", "split": "test"},
    {"kind": "sample_loss", "split": "validation", "samples": [0]},
]
GROUPS = [{"parameters": "*.bias", "rate": 2.0, "weight_decay": 0.0}, {"parameters": "3.*", "rate": 0.5}]
# The norm is passed in some of the steps only, the value in some of the entries.
CHANGES = {
    "norm": {"clip": {"norm": 0.9}},
    "value": {"clip": {"value": 0.08}},
    "groups": {"groups": GROUPS},
    "both": {"clip": {"norm": 0.9}, "groups": GROUPS},
}
CASES = [(change, optimizer) for change in CHANGES for optimizer in ("momentum", "adamw", "rmsprop")]
CASES += [
    ("both", optimizer) for optimizer in OPTIMIZERS if optimizer not in ("momentum", "adamw", "rmsprop")
]


def changed(change: str, optimizer: str, variant: str = "plain") -> tuple[Process, object, list[float]]:
    settings, data = tiny_settings(optimizer, "cosine", variant), tiny_data()
    asked = dict(CHANGES[change])
    settings["training"]["optimizer"]["groups"] = asked.pop("groups", [])
    settings["training"] |= asked
    process = built(settings, data)
    return process, data, tiny_rates(process)


def torchs(process: Process, data, rates: list[float]) -> torch.Tensor:
    """The loop that a user of plain PyTorch would write."""
    settings: RunSettings = process.settings
    asked, clip = settings.training.optimizer, settings.training.clip or {}
    shape = data.train.inputs.shape[1:]
    module = build_model(settings.model.name, shape, len(data.classes), settings.model.options, settings.seed)
    module = module.double()
    named = dict(module.named_parameters())
    bias = [p for name, p in named.items() if name.endswith("bias")]
    last = [p for name, p in named.items() if name == "3.weight"]
    others = [p for name, p in named.items() if name == "1.weight"]
    groups = [{"params": others}, {"params": bias}, {"params": last}]
    if asked.groups:
        groups[1]["weight_decay"] = 0.0
    factors = [1.0, 2.0, 0.5] if asked.groups else [1.0, 1.0, 1.0]
    forms = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    called = {"epsilon": "eps", "smoothing": "alpha"}
    options = {called.get(name, name): x for name, x in asked.options.items() if name != "decoupled"}
    made = {**forms, "rmsprop": torch.optim.RMSprop}[asked.name](groups, lr=asked.learning_rate, **options)
    for step, rate in enumerate(rates):
        batch = process.batch(step)
        for group, factor in zip(made.param_groups, factors, strict=True):
            group["lr"] = rate * factor
        made.zero_grad()
        functional.cross_entropy(module(batch.inputs), batch.targets).backward()
        if "norm" in clip:
            nn.utils.clip_grad_norm_(module.parameters(), clip["norm"])
        elif "value" in clip:
            nn.utils.clip_grad_value_(module.parameters(), clip["value"])
        made.step()
    return torch.cat([p.detach().flatten() for p in module.parameters()])


@pytest.mark.parametrize(("change", "optimizer"), [case for case in CASES if case[1] != "decoupled"])
def test_training_is_torchs(change: str, optimizer: str) -> None:
    process, data, rates = changed(change, optimizer)
    assert (
        relative_error(run(process, process.initial_state(), rates).parameters, torchs(process, data, rates))
        < 1e-12
    )


@pytest.mark.parametrize(("change", "optimizer"), CASES)
def test_scores_are_derivatives_of_the_training(change: str, optimizer: str) -> None:
    process, data, rates = changed(change, optimizer)
    queries, trajectory = (
        QuerySet(expand_queries(SPECS, data), data, process),
        Trajectory.in_memory(process, rates),
    )
    found, expected = hydra_exact(trajectory, queries).values, unrolled_contribution(process, rates, queries)
    assert relative_error(found, expected) <= 1e-8
    for hessian, reverse in ((True, hydra_exact), (False, hydra_hessian_free)):
        forward = hydra_forward(trajectory, queries, samples=[0, 5], hessian=hessian).values[:, [0, 5]]
        assert relative_error(forward, reverse(trajectory, queries).values[:, [0, 5]]) <= 1e-8
    assert torch.isfinite(hydra_gauss_newton(trajectory, queries).values).all()


def test_the_limits_are_met_in_some_steps_and_not_in_others() -> None:
    process, _, rates = changed("norm", "momentum")
    norms = []
    run(
        process,
        process.initial_state(),
        rates,
        observe=lambda *seen: norms.append(seen[-1].norm()),
    )
    assert min(norms) < 0.9 < max(norms)


@pytest.mark.parametrize("change", CHANGES)
def test_several_trainings_at_once_are_those_alone(change: str) -> None:
    process, _, rates = changed(change, "momentum")
    weights = torch.rand(4, process.samples, dtype=process.dtype, generator=torch.Generator().manual_seed(0))
    for place, state in enumerate(one_by_one(run_together(process, rates, weights))):
        assert (
            state.largest_difference(run(process, process.initial_state(), rates, weights=weights[place]))
            < 1e-11
        )


@pytest.mark.parametrize("change", ["groups", "both"])
def test_hyperparameters_have_their_derivatives_or_say_why_not(change: str) -> None:
    process, data, rates = changed(change, "momentum")
    queries, trajectory = (
        QuerySet(expand_queries(SPECS, data), data, process),
        Trajectory.in_memory(process, rates),
    )
    bars = queries.cotangents(trajectory.final_state)
    found = reverse_sweep(trajectory, bars, Curvature.EXACT, hyper=True).hyper
    step = 1e-5

    def values(**options: float) -> torch.Tensor:
        settings = process.settings.plain()
        settings["training"]["optimizer"] |= options
        other = built(settings, data)
        return QuerySet(queries.queries, data, other).values(run(other, other.initial_state(), rates))

    for name, at in (("momentum", 0.9), ("weight_decay", 0.01)):
        expected = (values(**{name: at + step}) - values(**{name: at - step})) / (2 * step)
        assert relative_error(found[name], expected) <= 1e-5
    without, _, _ = changed(change, "sgd")
    assert "momentum" not in without.optimizer.hyperparameters()
    assert "no velocity is kept" in without.optimizer.not_differentiable()["momentum"]


def test_momentum_is_shared_where_every_group_has_a_decay_of_its_own() -> None:
    settings = tiny_settings("momentum")
    settings["training"]["optimizer"]["groups"] = [{"parameters": "*", "weight_decay": 0.02}]
    assert built(settings, tiny_data()).optimizer.hyperparameters() == {"momentum": 0.9}


def test_a_group_without_a_parameter_is_named() -> None:
    settings = tiny_settings()
    settings["training"]["optimizer"]["groups"] = [{"parameters": "*"}, {"parameters": "classifier.*"}]
    with pytest.raises(StudyError, match=r"groups\[1\]\.parameters: 'classifier\.\*' .*1\.weight, 1\.bias"):
        built(settings, tiny_data())


def test_clipping_to_nothing_is_no_number() -> None:
    process, _, _ = changed("norm", "momentum")
    assert torch.equal(process.optimizer.clip(torch.zeros(5)), torch.zeros(5))
    moved = torch.func.jvp(process.optimizer.clip, (torch.zeros(5),), (torch.ones(5),))[1]
    assert torch.equal(moved, torch.ones(5))
