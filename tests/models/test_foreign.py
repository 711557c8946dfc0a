"""Anyone's model: its scores are those of autograd through its own training, or it is refused by name."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import nn

from hydra_steps.config.sections import RunSettings
from hydra_steps.errors import StudyError
from hydra_steps.process import linearise
from hydra_steps.process.building import build_process
from hydra_steps.process.paths import Path
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import run
from hydra_steps.process.trial.try_model import try_model
from hydra_steps.scoring.gradient_products import per_sample_gradients
from hydra_steps.scoring.hydra import hydra_exact
from hydra_steps.scoring.hydra_forward import hydra_forward
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.foreign import KINDS, foreign_process, plain_contribution
from tests.helpers.tiny import built, relative_error, tiny_data, tiny_rates, tiny_settings
from tests.helpers.unrolled import unrolled_contribution
from tools.layer_calls import Called, unpool

SPECS = [{"kind": "sample_loss", "split": "test", "samples": [0, 2]}]
AS_WRITTEN = [
    "layer_norm",
    "instance_norm",
    "residual_sequence",
    "forward_hook",
    "used_twice",
    "twice_in_a_sequence",
    "tied",
    "frozen",
    "masks",
    "attention",
    "recurrent",
    "branching",
]
TAKEN_OVER = ["dropout", "batch_norm", "plain_batch_norm", "attention_dropout"]


def _scored(kind):
    process, data, rates = foreign_process(kind)
    queries = QuerySet(expand_queries(SPECS, data), data, process)
    return process, data, rates, queries, hydra_exact(Trajectory.in_memory(process, rates), queries).values


@pytest.mark.parametrize("kind", AS_WRITTEN)
def test_scores_are_autograd_through_the_training_of_the_module_as_it_was_written(kind):
    process, data, rates, _, found = _scored(kind)
    chosen = SPECS[0]["samples"]
    images = torch.from_numpy(data.test.inputs[chosen]).double()
    expected = plain_contribution(process, rates, images, torch.from_numpy(data.test.targets[chosen]))
    assert expected.abs().max() > 1e-6
    assert relative_error(found, expected) <= 1e-8


@pytest.mark.parametrize("kind", TAKEN_OVER)
def test_scores_through_layers_that_are_taken_over_are_autograd_through_their_training(kind):
    process, _, rates, queries, found = _scored(kind)
    expected = unrolled_contribution(process, rates, queries)
    assert expected.abs().max() > 1e-6
    assert relative_error(found, expected) <= 1e-8


REFUSED = {
    "statistics_of_the_batch": ("'2'", "without running statistics", "set track_running_stats"),
    "coupled": ("'2' (Centred)", "in training depend on the others", "nn.LayerNorm"),
    "weight_norm": (
        "'2.parametrizations.weight.0' (_WeightNorm)",
        "not a difference of steps",
        "write the layer",
    ),
    "functional_dropout": ("'2' (Functional)", "other numbers when the same batch", "nn.Dropout"),
    "counting": ("'2.calls'", "changes its attribute", "leave the counting out"),
    "follower": ("'2.average'", "hides from PyTorch", "nn.BatchNorm"),
    "straight": ("'2' (Rounded)", "not a difference of steps", "ordinary differentiable operations"),
    "reversed": ("'2' (Reversed)", "not a difference of steps", "ordinary differentiable operations"),
    "single": ("'2' (Single)", "computes in torch.float32", "leave float()"),
    "hidden": ("'2' (Hidden)", "not a difference of steps", "ordinary differentiable operations"),
    "clipped": ("'2' (Clipped)", "is changed in place", "nothing in place"),
    "parameter_hook": ("'1.weight'", "a hook on its gradient", "remove the hook"),
    "all_frozen": ("", "no parameter that is trained", "unfrozen"),
    "recurrent_dropout": ("'2.layer' (GRU)", "other numbers when the same batch", "own dropout: 0"),
    "wrong_outputs": ("", "of shape (4, 6)", "logits of shape (4, 3)"),
    "fails": ("'2' (Recurrent)", "fails on a batch of shape", "mend its forward"),
    "evaluated": ("'2' (Evaluated)", "in evaluation depend on the others", "each sample by itself"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_exact_is_refused_with_the_layers_name_before_training(kind):
    with pytest.raises(StudyError) as caught:
        try_model(foreign_process(kind)[0])
    assert all(words in str(caught.value) for words in REFUSED[kind]), caught.value
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [*AS_WRITTEN, *TAKEN_OVER])
def test_what_is_exact_passes_the_trial_which_leaves_the_process_as_it_was(kind):
    process, _, rates = foreign_process(kind)
    before = run(process, process.initial_state(), rates)
    try_model(process)
    assert run(process, process.initial_state(), rates).equal(before)


@pytest.mark.parametrize("kind", [kind for kind in [*AS_WRITTEN, *TAKEN_OVER] if "batch_norm" not in kind])
def test_gradients_of_single_samples_are_those_of_batches_of_one(kind):
    process, _, _ = foreign_process(kind)
    state, batch = process.initial_state(), process.batch(1)
    found = per_sample_gradients(process, state, batch)
    for weight, row in zip(torch.eye(len(batch), dtype=torch.float64), found, strict=True):
        weights = torch.zeros(process.samples, dtype=torch.float64)
        weights[batch.index] = weight * len(batch)
        expected = process.gradient(state.parameters, state.buffers, batch, weights)[0]
        assert relative_error(row, expected) <= 1e-10


@pytest.mark.parametrize(
    "kind", ["layer_norm", "tied", "frozen", "batch_norm", "attention_dropout", "branching"]
)
def test_the_forward_recurrence_gives_the_same(kind):
    process, _, _, queries, found = _scored(kind)
    trajectory = Trajectory.in_memory(process, tiny_rates(process))
    forward = hydra_forward(trajectory, queries, samples=list(range(process.samples))).values
    assert relative_error(forward, found) <= 1e-8


def test_every_kind_is_exact_or_refused():
    assert set(KINDS) == {*AS_WRITTEN, *TAKEN_OVER, *REFUSED}


BUILT_IN = [
    {"name": "lenet5_tanh"},
    {"name": "lenet5_relu", "batch_norm": True, "dropout": 0.2},
    {"name": "mlp", "hidden": [7], "dropout": 0.2, "batch_norm": True},
    {"name": "logistic"},
    {"name": "densenet40", "dropout": 0.2},
]


@pytest.mark.parametrize("model", BUILT_IN, ids=lambda model: model["name"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_built_in_models_pass_the_trial(model, dtype):
    settings = tiny_settings()
    settings["model"], settings["compute"]["dtype"] = model, dtype
    try_model(built(settings, tiny_data(samples=6, side=8)))


@pytest.mark.parametrize(
    ("variant", "samples"), [*product(["plain"], [1, 2, 3]), *product(["batch_norm"], [2, 3])]
)
def test_the_trial_needs_no_more_samples_than_there_are(variant, samples):
    try_model(built(tiny_settings(variant=variant), tiny_data(samples=samples, classes=samples)))


def test_a_kernel_without_a_fixed_order_is_named():
    """A job on a GPU allows none; PyTorch asks the same of this layer's kernel on the processor."""
    layers = [Called(nn.MaxUnpool2d(2), unpool), nn.Flatten(), nn.Linear(36, 3)]
    process = build_process(
        RunSettings.of(tiny_settings()), tiny_data(side=6), lambda: nn.Sequential(*layers)
    )
    try:
        torch.use_deterministic_algorithms(True)
        with pytest.raises(
            StudyError, match=r"MaxUnpool2d.*max_unpool\w+ has no deterministic form.*device to cpu"
        ):
            try_model(process)
    finally:
        torch.use_deterministic_algorithms(False)


def test_a_path_that_is_wrong_is_found(monkeypatch):
    """Layer rules whose tangents are a little too long."""
    rules = linearise._together

    def too_long(*arguments):
        found = rules(*arguments)
        return found._replace(slopes=1.00001 * found.slopes)

    monkeypatch.setattr(linearise, "_together", too_long)
    process, _, _ = foreign_process("plain_batch_norm")
    assert process.model.path is Path.RULES
    with pytest.raises(StudyError, match="not a difference of steps"):
        try_model(process)
