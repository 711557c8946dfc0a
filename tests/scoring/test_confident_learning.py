"""cleanlab's scores against their definition, on probabilities of models that were trained without each fold."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.model_selection import StratifiedKFold

from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import run
from hydra_steps.scoring.confident_learning import confident_learning, datalab
from hydra_steps.scoring.detectors import knn_disagreement
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import tiny_data, tiny_process


def _run(samples=30):
    process, data, rates = tiny_process(data=tiny_data(samples=samples), epochs=4)
    queries = QuerySet(expand_queries([{"kind": "class_loss", "split": "test"}], data), data, process)
    return process, Trajectory.in_memory(process, rates), queries, rates


def test_confident_learning_is_the_probability_out_of_fold():
    process, trajectory, queries, rates = _run()
    labels = process.targets.numpy()
    expected = np.full(len(labels), np.nan)
    splits = StratifiedKFold(3, shuffle=True, random_state=process.seed).split(labels, labels)
    for _, held_out in splits:
        weights = torch.ones(len(labels), dtype=torch.float64)
        weights[held_out] = 0
        state = run(process, process.initial_state(), rates, weights=weights)
        logits = process.model.logits(state.parameters, state.buffers, process.inputs)
        expected[held_out] = logits.softmax(-1).detach().numpy()[held_out, labels[held_out]]
    found = confident_learning(trajectory, queries, folds=3)
    np.testing.assert_allclose(found.values[0], expected, rtol=1e-10)
    assert found.values.shape == (len(queries), process.samples)
    assert 0 <= found.diagnostics["issues"] <= len(labels)


def test_datalab_prefers_right_labels():
    """Of 60 points in three far clusters, three carry a label of another cluster: they have the lowest scores."""
    data = tiny_data(samples=60)
    wrong = [5, 20, 41]
    centres = np.eye(3)[np.arange(60) % 3].repeat(3, axis=1) * 6
    images = (data.train.inputs * 0.3 + centres.reshape(60, 1, 3, 3)).astype(np.float32)
    labels = np.arange(60) % 3
    labels[wrong] = (labels[wrong] + 1) % 3
    data.train.inputs[:], data.train.targets[:] = images, labels
    process, data, rates = tiny_process(data=data)
    queries = QuerySet(expand_queries([{"kind": "mean_loss", "split": "test"}], data), data, process)
    found = datalab(Trajectory.in_memory(process, rates), queries, features="pixels")
    assert sorted(found.values[0].argsort()[:3].tolist()) == wrong
    votes = knn_disagreement(Trajectory.in_memory(process, rates), queries, neighbours=10, features="pixels")
    np.testing.assert_allclose(found.values, 1 + votes.values, atol=1e-10)
