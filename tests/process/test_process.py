"""Φ against plain PyTorch: torch.optim loops, torch's batch norm, autograd."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from hydra_steps.errors import StudyError
from hydra_steps.models.build import build_model
from hydra_steps.models.keyed import sample_keys
from hydra_steps.process.batches import augment, batch_table
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import retrain, run
from hydra_steps.scoring.hydra import hydra_exact
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import (
    CASES,
    built,
    relative_error,
    tiny_data,
    tiny_process,
    tiny_rates,
    tiny_settings,
)
from tests.helpers.unrolled import unrolled_contribution


def _torch_optimizer(parameters, settings):
    """The optimizer that a user of plain PyTorch would write for the same settings."""
    forms = {
        "sgd": torch.optim.SGD,
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
        "rmsprop": torch.optim.RMSprop,
    }
    called = {"epsilon": "eps", "smoothing": "alpha"}
    options = {
        called.get(name, name): value for name, value in settings.options.items() if name != "decoupled"
    }
    return forms[settings.name](parameters, lr=settings.learning_rate, **options)


def _plain_loop(process, data, dtype):
    """Train an ordinary module with torch.optim, PyTorch's schedulers left out (the rates are given)."""
    settings, shape = process.settings, data.train.inputs.shape[1:]
    model = settings.model
    module = build_model(model.name, shape, len(data.classes), model.options, settings.seed).to(dtype)
    optimizer = _torch_optimizer(module.parameters(), settings.training.optimizer)
    module.train()
    for step, rate in enumerate(tiny_rates(process)):
        batch = process.batch(step)
        for layer in module.modules():
            if hasattr(layer, "keys") and not isinstance(layer, nn.ModuleDict):
                layer.keys = batch.keys
        optimizer.param_groups[0]["lr"] = rate
        optimizer.zero_grad()
        functional.cross_entropy(module(batch.inputs), batch.targets).backward()
        optimizer.step()
    parameters = torch.cat([p.detach().reshape(-1) for p in module.parameters()])
    buffers = [b.detach().reshape(-1) for b in module.buffers()]
    return parameters, torch.cat(buffers) if buffers else torch.zeros(0, dtype=dtype)


@pytest.mark.parametrize(
    ("optimizer", "schedule", "variant"), [case for case in CASES if case[0] != "decoupled"]
)
def test_training_is_a_plain_torch_optim_loop(optimizer, schedule, variant):
    """In float64, to round-off: summing the batch's losses and then dividing is another order than their mean,
    and the flat vector's elements meet vectorised and scalar code at other places than the separate tensors' do."""
    process, data, rates = tiny_process(optimizer, schedule, variant)
    found = run(process, process.initial_state(), rates)
    parameters, buffers = _plain_loop(process, data, torch.float64)
    # Batch norm makes the gradient of the bias before it pure round-off, which Adam scales up to the rate.
    adam_on_noise = variant == "batch_norm" and optimizer.startswith("adam")
    assert relative_error(found.parameters, parameters) <= (1e-8 if adam_on_noise else 1e-13)
    if len(buffers):
        assert relative_error(found.buffers, buffers) <= (1e-8 if adam_on_noise else 1e-13)


@pytest.mark.parametrize("model", ["lenet5_tanh", "lenet5_relu"])
def test_lenet5_in_float32_is_a_plain_torch_optim_loop_bit_for_bit(model):
    data = tiny_data(samples=40, side=12)
    settings = tiny_settings("momentum", "multistep")
    settings["model"], settings["compute"]["dtype"] = {"name": model}, "float32"
    process = built(settings, data)
    found = run(process, process.initial_state(), tiny_rates(process))
    parameters, _ = _plain_loop(process, data, torch.float32)
    assert torch.equal(found.parameters, parameters)


def test_batches_cover_every_epoch_and_short_ones_are_marked():
    table = batch_table(11, 4, 3, "shuffle", seed=5)
    assert table.shape == (9, 4)
    for epoch in range(3):
        seen = table[3 * epoch : 3 * epoch + 3]
        assert sorted(seen[seen >= 0]) == list(range(11))
        assert (seen[2] < 0).sum() == 1
    assert not np.array_equal(table[:3], table[3:6])
    assert np.array_equal(table[:6], batch_table(11, 4, 2, "shuffle", seed=5))
    assert batch_table(0, 4, 3, "shuffle", seed=5).shape == (0, 4)
    assert batch_table(1, 4, 2, "shuffle", seed=5).tolist() == [[0, -1, -1, -1]] * 2


def test_balanced_batches_hold_all_classes_alike():
    data = tiny_data(samples=300)
    data.train.targets[:] = np.arange(300) % 30 == 0  # one sample in thirty is of class 1
    process, _, rates = tiny_process(data=data, sampling="balanced", batch_size=50)
    drawn = process.table[process.table >= 0]
    assert len(drawn) == 900
    assert 0.4 < data.train.targets[drawn].mean() < 0.6
    queries = QuerySet(expand_queries([{"kind": "mean_loss", "split": "test"}], data), data, process)
    found = hydra_exact(Trajectory.in_memory(process, rates), queries).values
    assert relative_error(found, unrolled_contribution(process, rates, queries)) <= 1e-8
    object.__setattr__(data.train, "targets", data.train.targets[:, None])
    with pytest.raises(StudyError, match="no classes"):
        tiny_process(data=data, sampling="balanced")


def test_augmentation_crops_and_flips_each_sample_by_its_own_key():
    images = torch.arange(2 * 1 * 4 * 4, dtype=torch.float64).view(2, 1, 4, 4) + 1
    keys = sample_keys(0, 0, torch.arange(2))
    both = augment(images, keys, crop=2, flip=True)
    assert torch.equal(augment(images[1:], keys[1:], crop=2, flip=True), both[1:])
    crops = {
        tuple(augment(images[:1], sample_keys(0, epoch, torch.tensor([0])), 1, False).flatten().tolist())
        for epoch in range(200)
    }
    assert len(crops) == 9  # every offset of −1..1 in both directions
    assert tuple(images[:1].flatten().tolist()) in crops
    assert torch.equal(augment(images, keys, 0, False), images)


def test_retraining_without_nothing_is_the_training_itself():
    process, _, rates = tiny_process(variant="dropout")
    base = run(process, process.initial_state(), rates)
    assert retrain(process, rates, []).equal(base)
    assert not retrain(process, rates, [3]).equal(base)


def test_a_removed_sample_has_no_influence_whatever_it_holds():
    data = tiny_data()
    other = copy.deepcopy(data)
    other.train.inputs[3] = 100.0
    first, second = (tiny_process("adam", data=d) for d in (data, other))
    assert retrain(first[0], first[2], [3]).equal(retrain(second[0], second[2], [3]))


@pytest.mark.parametrize("removed", [[11], [-1]])
def test_a_sample_that_is_not_there_cannot_be_removed(removed):
    process, _, rates = tiny_process()
    with pytest.raises(StudyError, match="0 to 10"):
        retrain(process, rates, removed)


@pytest.mark.parametrize(
    ("section", "value", "message"),
    [
        ("optimizer", {"name": "sgdd", "learning_rate": 0.1}, "did you mean 'sgd'"),
        ("optimizer", {"name": "adam", "learning_rate": 0.1, "amsgrad": True}, "amsgrad"),
        (
            "optimizer",
            {"name": "sgd", "learning_rate": 0.1, "momentum": 0.0, "nesterov": True},
            "nesterov true.*a momentum above 0",
        ),
        ("loss", {"name": "hinge"}, "mean_squared_error"),
    ],
)
def test_what_is_not_supported_is_named(section, value, message):
    settings = tiny_settings()
    settings["training"][section] = value
    with pytest.raises(StudyError, match=message):
        built(settings, tiny_data())


def test_an_unknown_model_or_device_is_named():
    settings = tiny_settings()
    settings["model"] = {"name": "lenet5_tan"}
    with pytest.raises(StudyError, match="did you mean 'lenet5_tanh'"):
        built(settings, tiny_data())
    if not torch.cuda.is_available():
        settings = tiny_settings()
        settings["compute"]["device"] = "cuda"
        with pytest.raises(StudyError, match="no CUDA device"):
            built(settings, tiny_data())
