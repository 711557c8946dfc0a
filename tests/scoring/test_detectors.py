"""Detectors without gradients against plain loops over samples and epochs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from hydra_steps.errors import StudyError
from hydra_steps.evaluation.detection import detect
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.scoring.detectors import area_under_margin, el2n, forgetting, knn_disagreement, margin
from hydra_steps.scoring.modules import module_at, penultimate
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import tiny_data, tiny_process


@pytest.fixture(params=["plain", "batch_norm"])
def run(request):
    process, data, rates = tiny_process(variant=request.param, data=tiny_data(samples=14), epochs=5)
    keep = [4, 8]  # the ends of epochs that are not stored are replayed
    queries = QuerySet(expand_queries([{"kind": "class_loss", "split": "test"}], data), data, process)
    return process, Trajectory.in_memory(process, rates, keep), queries


def _epoch_logits(process, trajectory):
    for epoch in range(process.epochs):
        module = module_at(trajectory, (epoch + 1) * process.steps_per_epoch)
        with torch.no_grad():
            yield module(process.inputs)


def _loop_margin(row, label):
    return float(row[label] - max(row[k] for k in range(len(row)) if k != label))


def test_margins_are_those_of_a_loop(run):
    process, trajectory, queries = run
    every = [
        [_loop_margin(row, int(label)) for row, label in zip(logits, process.targets, strict=True)]
        for logits in _epoch_logits(process, trajectory)
    ]
    last = margin(trajectory, queries).values
    assert last.shape == (len(queries), process.samples)
    np.testing.assert_allclose(last[0], every[-1], rtol=1e-10)
    np.testing.assert_allclose(
        area_under_margin(trajectory, queries).values[1], np.mean(every, 0), rtol=1e-10
    )


def test_forgetting_is_that_of_a_loop(run):
    process, trajectory, queries = run
    right = np.array(
        [(logits.argmax(1) == process.targets).numpy() for logits in _epoch_logits(process, trajectory)]
    )
    expected = []
    for history in right.T:
        events = sum(bool(a and not b) for a, b in zip(history, history[1:], strict=False))
        expected.append(-float(events) if history.any() else -float(process.epochs))
    np.testing.assert_array_equal(forgetting(trajectory, queries).values[0], expected)


def test_el2n_is_the_length_of_the_error(run):
    process, trajectory, queries = run
    for option, epoch in ((None, 0), (3, 2)):
        logits = list(_epoch_logits(process, trajectory))[epoch]
        error = logits.softmax(1).numpy() - np.eye(logits.shape[1])[process.targets.numpy()]
        found = el2n(trajectory, queries, epoch=option).values[0]
        np.testing.assert_allclose(found, -np.linalg.norm(error, axis=1), rtol=1e-10)
    with pytest.raises(StudyError, match="epoch 6"):
        el2n(trajectory, queries, epoch=6)


@pytest.mark.parametrize("features", ["pixels", "penultimate"])
def test_neighbours_are_those_of_a_loop(run, features):
    process, trajectory, queries = run
    places = process.inputs.flatten(1)
    if features == "penultimate":
        places = penultimate(module_at(trajectory), process.inputs, process.device)
        assert places.shape == (process.samples, 5)
    expected = []
    for n in range(process.samples):
        distance = (places - places[n]).norm(dim=1)
        distance[n] = torch.inf
        expected.append(
            -float((process.targets[distance.argsort()[:4]] != process.targets[n]).double().mean())
        )
    found = knn_disagreement(trajectory, queries, neighbours=4, features=features).values[0]
    np.testing.assert_allclose(found, expected)
    with pytest.raises(StudyError, match="14 nearest neighbours"):
        knn_disagreement(trajectory, queries, neighbours=14)


def test_the_module_is_the_recorded_model(run):
    process, trajectory, _ = run
    final = trajectory.final_state
    logits = process.model.logits(final.parameters, final.buffers, process.inputs)
    torch.testing.assert_close(module_at(trajectory)(process.inputs), logits, rtol=1e-12, atol=1e-12)


def test_auroc_is_a_count_of_pairs():
    random = np.random.default_rng(0)
    contribution = random.integers(-3, 3, 60).astype(float)  # with ties
    is_noisy = random.random(60) < 0.3
    pairs = [(a < b) + 0.5 * (a == b) for a in contribution[is_noisy] for b in contribution[~is_noisy]]
    found = next(
        r for r in detect(contribution, is_noisy, [0.1], resamples=10, seed=0) if r["metric"] == "auroc"
    )
    assert found["value"] == pytest.approx(np.mean(pairs), abs=1e-12)
    assert roc_auc_score(is_noisy, -contribution) == pytest.approx(np.mean(pairs), abs=1e-12)
