"""HyDRA on real data at real size: precision, the convex case where theory is exact, real re-training, memory."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch
from scipy.stats import pearsonr, spearmanr

from hydra_steps.data import fetch_data, load_run_data, noise_labels, split_data
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import retrain
from hydra_steps.scoring.hydra import hydra_exact, hydra_gauss_newton
from hydra_steps.scoring.influence import influence_cg
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import built

QUERIES = [
    {"kind": "mean_loss", "split": "test"},
    {"kind": "sample_loss", "split": "test", "samples": [0, 1, 2, 3, 4]},
]


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _data(folder, name, train, rate):
    fetch_data(name, "data")
    split_data(name, "data", train, 200, 500, 0, folder / "splits.csv")
    noise_labels(folder / "splits.csv", name, "data", "symmetric", {"rate": rate}, 0, folder / "labels.csv")
    return load_run_data(name, "data", folder / "splits.csv", folder / "labels.csv")


def _settings(model, epochs, batch_size, dtype="float32", **optimizer):
    return {
        "seed": 0,
        "model": {"name": model},
        "training": {
            "epochs": epochs,
            "batch_size": batch_size,
            "optimizer": {"name": "sgd", "momentum": 0.9, "weight_decay": 5e-4, **optimizer},
        },
        "compute": {"device": "cpu", "dtype": dtype},
    }


def test_float32_orders_the_samples_as_float64_does(tmp_path):
    data = _data(tmp_path, "mnist", 500, 0.2)
    scores = []
    for dtype in ("float32", "float64"):
        process = built(_settings("lenet5_tanh", 2, 64, dtype, learning_rate=0.01), data)
        queries = QuerySet(expand_queries(QUERIES[:1], data), data, process)
        trajectory = Trajectory.in_memory(process, [0.01] * process.steps)
        scores.append(hydra_exact(trajectory, queries).values[0].numpy())
    assert spearmanr(*scores)[0] >= 0.999


def test_on_a_converged_convex_problem_hydra_influence_and_leave_one_out_agree(tmp_path):
    data = _data(tmp_path, "digits", 120, 0.1)
    settings = _settings("logistic", 600, 120, "float64", learning_rate=0.1, weight_decay=0.05)
    process = built(settings, data)
    queries = QuerySet(expand_queries(QUERIES[:1], data), data, process)
    rates = [0.1] * process.steps
    trajectory = Trajectory.in_memory(process, rates, keep=range(0, process.steps, 100))
    final = trajectory.final_state
    gradient = process.gradient(final.parameters, final.buffers, process.batch(0))[0]
    assert (gradient + 0.05 * final.parameters).norm() < 1e-8  # converged
    exact = hydra_exact(trajectory, queries).values[0].numpy()
    options = {"damping": 1e-12, "tolerance": 1e-10, "iterations": 2000}
    influence = influence_cg(trajectory, queries, **options).values[0].numpy()
    chosen = np.argsort(-np.abs(exact))[:15]
    base = queries.values(final)[0]
    real = np.array([(queries.values(retrain(process, rates, [n]))[0] - base).item() for n in chosen])
    assert pearsonr(exact, influence)[0] >= 0.99
    assert pearsonr(exact[chosen], real)[0] >= 0.99
    assert pearsonr(influence[chosen], real)[0] >= 0.99


@pytest.mark.parametrize(
    ("samples", "epochs", "rate", "count"),
    [
        (1000, 3, 0.02, 25),  # lowest correlations of a query: 0.99 of exact HyDRA, 0.91 of Gauss-Newton
        pytest.param(2000, 5, 0.01, 40, marks=pytest.mark.nightly),  # minutes
    ],
)
def test_exact_hydra_predicts_real_retraining_on_mnist(tmp_path, samples, epochs, rate, count):
    """MNIST, tanh LeNet-5: LDS over ``count`` random 2 % groups, six queries."""
    data = _data(tmp_path, "mnist", samples, 0.2)
    process = built(_settings("lenet5_tanh", epochs, 64, learning_rate=rate), data)
    queries = QuerySet(expand_queries(QUERIES, data), data, process)
    rates = [rate] * process.steps
    trajectory = Trajectory.in_memory(process, rates)
    generator = np.random.default_rng(0)
    groups = [generator.choice(process.samples, process.samples // 50, replace=False) for _ in range(count)]
    base = queries.values(trajectory.final_state)
    real = torch.stack([queries.values(retrain(process, rates, group)) - base for group in groups])
    for method, least in ((hydra_exact, 0.98), (hydra_gauss_newton, 0.85)):
        values = method(trajectory, queries).values
        predicted = torch.stack([values[:, group].sum(1) for group in groups])
        lds = [spearmanr(predicted[:, q], real[:, q])[0] for q in range(len(queries))]
        assert min(lds) >= least, dict(zip(queries.names, lds, strict=True))


def test_memory_does_not_grow_with_the_length_of_the_training():
    """3,000 steps of a model of 4,810 parameters: all states would take 115 MB, a segment takes 4 MB."""
    code = """
        import resource
        import torch
        torch.set_num_threads(1)
        from tests.helpers.tiny import built, tiny_data, tiny_settings
        from hydra_steps.process.queries.query_set import QuerySet, expand_queries
        from hydra_steps.trajectory.trajectory import Trajectory
        from hydra_steps.scoring.hydra import hydra_exact
        data = tiny_data(samples=8, side=8, classes=10, seed=1)
        for steps in (400, 3000):
            settings = tiny_settings(epochs=steps // 2)
            settings["model"], settings["compute"]["dtype"] = {"name": "mlp", "hidden": [64]}, "float32"
            settings["training"]["optimizer"]["learning_rate"] = 1e-4
            process = built(settings, data)
            assert process.steps == steps and len(process.model.initial) == 4810
            queries = QuerySet(expand_queries([{"kind": "mean_loss", "split": "test"}], data), data, process)
            trajectory = Trajectory.in_memory(process, [1e-4] * steps, keep=range(0, steps, 100))
            values = hydra_exact(trajectory, queries).values
            assert values.abs().min() > 0
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    peaks = [int(line) * 1024 for line in done.stdout.split()]
    assert peaks[1] - peaks[0] < 30e6, [f"{peak / 1e6:.0f} MB" for peak in peaks]
