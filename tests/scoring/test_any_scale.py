"""Scores of samples that are learnt so well that their losses and gradients vanish in float32."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from hydra_steps.data import RunData
from hydra_steps.process.process import Process
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import run
from hydra_steps.process.state import State
from hydra_steps.registry import load
from hydra_steps.scoring.directions import sample_directions, unit
from hydra_steps.scoring.influence_ekfac import ekfac_inverse
from hydra_steps.scoring.modules import train_logits
from hydra_steps.tasks.classes import margins
from hydra_steps.tasks.losses import build_loss
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.projections import projection
from tests.helpers.tiny import built, relative_error, tiny_data, tiny_settings

SPECS: list[dict[str, Any]] = [
    {"kind": "sample_loss", "split": "train", "count": 12},
    {"kind": "mean_loss", "split": "train"},
    {"kind": "sample_margin", "split": "test", "count": 1},
]
OPTIONS: dict[str, dict[str, Any]] = {"trak": {"checkpoints": 1, "projection": 4, "regularization": 1.0}}


@cache
def _trained(dtype: str, model: str, loss: str) -> tuple[Process, RunData, list[float], State]:
    data, settings = tiny_data(samples=12, side=4), tiny_settings("sgd", epochs=300, loss={"name": loss})
    settings["model"], settings["compute"]["dtype"] = {"name": model}, dtype
    process = built(settings, data)
    rates = [0.3] * process.steps
    return process, data, rates, run(process, process.initial_state(), rates)


def _learnt(
    scale: float, dtype: str = "float32", model: str = "logistic", loss: str = "cross_entropy"
) -> tuple[Trajectory, QuerySet]:
    """A classifier that is right about all of 12 samples; a logistic one has margins of the mean ``scale``."""
    process, data, rates, final = _trained(dtype, model, loss)
    if model == "logistic":
        size = margins(train_logits(process, final), process.targets).mean().item()
        final = final._replace(parameters=final.parameters * (scale / size))
    trajectory = Trajectory(process, rates, range(process.steps + 1), lambda step: final)
    return trajectory, QuerySet(expand_queries(SPECS, data), data, process)


def _score(name: str, learnt: tuple[Trajectory, QuerySet]) -> Any:
    return load("method", name)(*learnt, **OPTIONS.get(name, {}))


def _explicit_gradients(trajectory: Trajectory) -> tuple[Tensor, Tensor]:
    """Rows [n, p] and logarithms of factors [n] whose products are a logistic model's ∇ℓ_n, with no cancellation."""
    process, state = trajectory.process, trajectory.final_state
    z = train_logits(process, state).double().numpy()
    x = process.inputs.flatten(1).double().numpy()
    rows, factors = [], []
    for logits, label, pixels in zip(z, process.targets.numpy(), x, strict=True):
        others = np.delete(logits, label)
        top = others.max()
        total = np.exp(others - top).sum()
        share = np.insert(np.exp(others - top) / total, label, -1.0)
        rows.append(np.concatenate([np.outer(share, pixels).ravel(), share]))
        factors.append(-np.logaddexp(0, logits[label] - top - np.log(total)))
    return torch.from_numpy(np.stack(rows)), torch.from_numpy(np.array(factors))


@pytest.mark.parametrize("scale", [1.0, 20.0, 100.0, 5000.0])
def test_a_cosine_is_a_cosine_at_any_scale(scale: float) -> None:
    learnt = _learnt(scale)
    trajectory, queries = learnt
    found = _score("gradient_cosine", learnt)
    rows, factors = _explicit_gradients(trajectory)
    mean = (rows * (factors - factors.max()).exp()[:, None]).sum(0)
    expected = torch.nn.functional.normalize(torch.cat([rows, mean[None]]), dim=1)
    expected = expected @ torch.nn.functional.normalize(rows, dim=1).T
    # Logits near 5000 are known to 5e-4 in float32, and the shares of the classes with them.
    assert torch.allclose(found.values[:13], expected, rtol=0, atol=1e-5 if scale < 1000 else 5e-3)
    assert found.values.abs().max() <= 1
    assert torch.allclose(found.values[:12].diagonal(), torch.ones(12).double(), rtol=0, atol=1e-12)
    assert found.diagnostics == {"queries_without_gradient": [], "samples_without_gradient": 0}


@pytest.mark.parametrize("constraint", ["loss", "parameters"])
@pytest.mark.parametrize("scale", [1.0, 20.0, 100.0])
def test_relatif_is_its_quotient_and_bounded_at_any_scale(scale: float, constraint: str) -> None:
    learnt = _learnt(scale)
    trajectory, queries = learnt
    found = load("method", "relatif")(*learnt, damping=0.01, constraint=constraint)
    K = (ekfac_inverse(trajectory, 0.01) @ torch.eye(len(trajectory.final_state.parameters))).double()
    rows, factors = _explicit_gradients(trajectory)
    samples = unit(rows)
    lengths = torch.einsum("np,pr,nr->n", samples, K, samples).sqrt()
    if constraint == "parameters":
        lengths = (samples @ K).norm(dim=1)
    by_query = rows * factors.exp()[:, None]
    expected = by_query @ K @ samples.T / lengths / 12
    assert (expected.abs().amax(1) > 0).all()
    for mine, right in zip(found.values[:12], expected, strict=True):
        assert relative_error(mine, right) <= 1e-3
    if constraint == "loss":
        bound = torch.einsum("qp,pr,qr->q", by_query, K, by_query).sqrt() / 12
        assert (found.values[:12].abs().amax(1) <= bound * (1 + 1e-4)).all()


@pytest.mark.parametrize(("name", "scale"), [("final_loss", 20.0), ("el2n", 20.0), ("el2n", 300.0)])
def test_scores_of_well_learnt_samples_are_not_one_number(name: str, scale: float) -> None:
    """Not 0 where p is 1 to all digits of float32, from margins of 17 on, and in float32 what they are in float64."""
    learnt = _learnt(scale)
    assert (
        margins(train_logits(learnt[0].process, learnt[0].final_state), learnt[0].process.targets).max() > 17
    )
    found, exact = _score(name, learnt).values[0], _score(name, _learnt(scale, "float64")).values[0]
    assert (found != 0).all()
    assert len(set(found.tolist())) == 12
    assert (found.abs().log() - exact.abs().log()).abs().max() <= 1e-4 * scale  # logits are exponents


@pytest.mark.parametrize("scale", [1.0, 20.0, 50.0, 300.0])
def test_trak_is_its_formula_at_any_scale(scale: float) -> None:
    learnt = _learnt(scale)
    trajectory, queries = learnt
    rows, factors = _explicit_gradients(trajectory)  # ∇ℓ = −σ(−m) ∇m
    P = projection(rows.shape[1], 4, 0, torch.float32).double() / rows.shape[1] ** 0.5
    features, weights = -rows @ P, factors.exp()
    kernel = torch.linalg.inv(features.T @ features + torch.eye(4).double())
    expected = rows * weights[:, None] @ P @ kernel @ features.T * -weights
    found = _score("trak", learnt)
    assert found.diagnostics["samples_without_gradient"] == 0
    assert (found.values[-1] != 0).all()
    assert len(set(found.values[-1].tolist())) == 12
    if scale < 87:  # else the queries' own gradients leave the range of float32
        for mine, right in zip(found.values[:12], expected, strict=True):
            assert relative_error(mine, right) <= 5e-4 * max(1, scale / 20)


def test_where_nothing_remains_it_is_said() -> None:
    found = _score("trak", _learnt(5000.0))
    assert found.diagnostics["samples_without_gradient"] == 12
    assert (found.values == 0).all()


@pytest.mark.parametrize("name", ["gradient_cosine", "relatif"])
def test_a_gradient_of_exactly_zero_scores_zero_and_is_counted(name: str) -> None:
    trajectory, queries = _learnt(1.0, loss="mean_squared_error")
    parameters = torch.zeros_like(trajectory.final_state.parameters)
    parameters[-3] = 1.0  # the bias of class 0: its samples have the logits of their targets
    final = trajectory.final_state._replace(parameters=parameters)
    trajectory.load = lambda step: final
    zero = trajectory.process.targets == 0
    assert 0 < zero.sum() < 12
    found = _score(name, (trajectory, queries))
    assert torch.isfinite(found.values).all()
    assert (found.values[:, zero] == 0).all()
    assert (found.values[:12][zero] == 0).all()
    assert (found.values[12:13, ~zero] != 0).any()
    assert found.diagnostics["samples_without_gradient"] == int(zero.sum())
    if name == "gradient_cosine":
        names = [f"train_sample_{n}" for n in range(12) if zero[n]]
        assert found.diagnostics["queries_without_gradient"] == names


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("model", ["mlp", "lenet5_relu"])
def test_directions_are_those_of_the_gradients(model: str, dtype: str) -> None:
    trajectory, queries = _learnt(1.0, dtype, model)
    process, state = trajectory.process, trajectory.final_state
    gradients = queries.cotangents(state).parameters
    directions, sizes = queries.directions(state)
    tolerance = 1e-9 if dtype == "float64" else 2e-2  # of the ordinary gradient: p − 1 is small
    for row, direction, size in zip(gradients, directions, sizes, strict=True):
        assert relative_error(direction.double() * size, row.double()) <= tolerance
    found = torch.cat(list(sample_directions(process, state, chunk=5)))
    assert relative_error(unit(found), unit(gradients[:12])) <= tolerance


@pytest.mark.parametrize(
    ("name", "options"),
    [("cross_entropy", {}), ("cross_entropy", {"label_smoothing": 0.2}), ("mean_squared_error", {})],
)
def test_a_losss_direction_is_its_slope(name: str, options: dict[str, Any]) -> None:
    loss = build_loss(name, options)
    logits = torch.randn(6, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 3, 1, 2, 2, 1])
    direction, size = loss.direction(logits, labels)
    assert torch.equal(direction.abs().amax(1), torch.ones(6, dtype=torch.float64))
    assert relative_error(direction * size.exp()[:, None], loss.slope(logits, labels)) <= 1e-12
