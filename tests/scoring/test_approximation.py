"""The training cut short, and the distance between the two forward recurrences with its bounds."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hydra_steps.errors import StudyError
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.registry import load
from hydra_steps.scoring.approximation import approximation, impulses, spectral_norm
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import built, tiny_data, tiny_settings


@pytest.fixture(scope="module")
def trained() -> Trajectory:
    settings = tiny_settings(epochs=4)
    process = built(settings, tiny_data())
    return Trajectory.in_memory(process, [0.05] * process.steps, keep=[0, process.steps])


@pytest.mark.parametrize("method", ["hydra_exact", "hydra_hessian_free", "tracin", "gradient_product"])
def test_a_training_cut_short_scores_like_one_that_ended_there(trained: Trajectory, method: str) -> None:
    data = tiny_data()
    whole = trained.process
    short = built(tiny_settings(epochs=2), data)
    assert np.array_equal(short.table, whole.table[: short.steps])
    ended = Trajectory.in_memory(short, [0.05] * short.steps)
    specs = expand_queries([{"kind": "mean_loss", "split": "test"}], data)
    cut = trained.until(short.steps)
    function = load("method", method)
    found = function(cut, QuerySet(specs, data, cut.process)).values
    expected = function(ended, QuerySet(specs, data, short)).values
    assert torch.equal(found, expected)


def test_a_training_is_cut_at_the_ends_of_epochs_only(trained: Trajectory) -> None:
    assert trained.until(trained.steps) is trained
    for step in (0, 1, trained.steps + trained.process.steps_per_epoch):
        with pytest.raises(StudyError, match="multiple of"):
            trained.until(step)


def test_the_distance_is_that_of_the_two_recurrences_and_both_bounds_hold(trained: Trajectory) -> None:
    tracked = torch.tensor([0, 3, 7])
    rows = np.array(approximation(trained, tracked))
    epoch, _, norm, distance, bound, measured, largest = rows.T
    assert epoch.tolist() == [e for e in (1, 2, 3, 4) for _ in range(3)]
    data = tiny_data()
    queries = QuerySet(expand_queries([{"kind": "mean_loss", "split": "test"}], data), data, trained.process)
    exact, free = (
        load("method", "hydra_forward")(
            trained,
            queries,
            samples=tracked.tolist(),
            hessian=hessian,
            keep_hypergradients=True,
        ).arrays["hypergradient"]
        for hessian in (True, False)
    )
    np.testing.assert_allclose(np.linalg.norm(exact, axis=2).ravel(), norm, rtol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(exact - free, axis=2).ravel(), distance, rtol=1e-12)
    assert (distance <= measured * (1 + 1e-9)).all()
    assert (measured <= bound * (1 + 1e-9)).all()
    assert (largest > 0).all()


def test_the_spectral_norm_is_that_of_the_hessian(trained: Trajectory) -> None:
    process, state = trained.process, trained.final_state
    expected = 0.0
    for step in range(3):
        batch = process.batch(step)

        def loss(parameters, batch=batch):
            logits, _ = process.model.train_logits(parameters, state.buffers, batch.inputs, batch.keys)
            return process.loss.values(logits, batch.targets).mean()

        hessian = torch.func.hessian(loss)(state.parameters)
        expected = max(expected, float(torch.linalg.eigvalsh(hessian).abs().max()))
    assert spectral_norm(process, state, 0) == pytest.approx(expected, rel=0.02)
    assert spectral_norm(process, state, 0) <= expected * (1 + 1e-9)


@pytest.mark.parametrize("variant", ["plain", "batch_norm", "augmentation"])
def test_a_sample_drawn_twice_into_a_batch_pushes_twice(variant: str) -> None:
    process = built(tiny_settings(variant=variant, sampling="with_replacement"), tiny_data())
    state = process.initial_state()
    repeated = next(
        (step, n)
        for step in range(process.steps)
        for n in process.index(step).tolist()
        if process.index(step).tolist().count(n) > 1
    )
    step, n = repeated
    alone = next(m for m in process.index(step).tolist() if process.index(step).tolist().count(m) == 1)
    found = impulses(process, state, step, {n: 0, alone: 1, -2: 2})
    weights = torch.ones(process.samples, dtype=torch.float64)

    def gradient(changed: int, change: float) -> torch.Tensor:
        moved = weights.clone()
        moved[changed] += change
        return process.gradient(state.parameters, state.buffers, process.batch(step), moved)[0]

    for place, sample in enumerate((n, alone)):  # the gradient is linear in the weights
        expected = torch.linalg.vector_norm(gradient(sample, 1.0) - gradient(sample, 0.0)).item()
        assert found[place] == pytest.approx(expected, rel=1e-10)
    assert found[2] == 0


@pytest.mark.parametrize("seed", range(4))
def test_both_bounds_hold_where_samples_come_several_times(seed: int) -> None:
    settings = {**tiny_settings(epochs=3, sampling="with_replacement"), "seed": seed}
    process = built(settings, tiny_data())
    trajectory = Trajectory.in_memory(process, [0.02] * process.steps)
    _, _, norm, distance, bound, measured, _ = np.array(
        approximation(trajectory, torch.arange(process.samples))
    ).T
    assert (distance <= measured * (1 + 1e-9)).all()
    assert (measured <= bound * (1 + 1e-9)).all()
    assert norm.max() > 0


def test_where_the_weights_change_batch_norms_statistics_there_is_no_bound() -> None:
    settings = tiny_settings(variant="batch_norm", epochs=2, batch_norm_statistics="weighted")
    process = built(settings, tiny_data())
    trajectory = Trajectory.in_memory(process, [0.05] * process.steps)
    _, _, norm, distance, bound, measured, _ = np.array(approximation(trajectory, torch.tensor([0, 3]))).T
    assert (norm > 0).all()
    assert (distance > 0).all()
    assert np.isnan(bound).all()
    assert np.isnan(measured).all()
