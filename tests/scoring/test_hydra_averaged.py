"""HyDRA averaged over nearby trainings, against a slow twin and where it must equal exact HyDRA."""

import numpy as np
import pytest
import torch

from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import run
from hydra_steps.scoring import nearby
from hydra_steps.scoring.hydra import hydra_exact, hydra_gauss_newton
from hydra_steps.scoring.hydra_averaged import hydra_averaged, lowered_weights, mean_correlation
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import relative_error, tiny_data, tiny_process
from tests.helpers.unrolled import unrolled_final_state

SPECS = [{"kind": "mean_loss", "split": "test"}, {"kind": "sample_margin", "split": "test", "samples": [2]}]


def made(optimizer="momentum", variant="plain", **more):
    process, data, rates = tiny_process(optimizer, "cosine", variant, **more)
    queries = QuerySet(expand_queries(SPECS, data), data, process)
    return Trajectory.in_memory(process, rates), queries


@pytest.mark.parametrize("nothing", [{"fraction": 0.0}, {"depth": 0.0}])
@pytest.mark.parametrize("curvature", ["exact", "gauss_newton"])
def test_without_a_perturbation_it_is_the_derivative_at_the_run(nothing, curvature):
    trajectory, queries = made()
    exact = {"exact": hydra_exact, "gauss_newton": hydra_gauss_newton}[curvature](trajectory, queries)
    found = hydra_averaged(trajectory, queries, runs=3, curvature=curvature, **nothing)
    assert relative_error(found.values, exact.values) <= 1e-14
    assert found.diagnostics["correlation_of_runs"]["test_mean"] == pytest.approx(1)


@pytest.mark.parametrize("optimizer", ["momentum", "nesterov", "adamw"])
@pytest.mark.parametrize("variant", ["plain", "batch_norm", "dropout"])
@pytest.mark.parametrize("depth", [1.0, 0.5])
def test_it_is_the_mean_of_unrolled_derivatives_at_the_drawn_weights(optimizer, variant, depth):
    """The slow twin: reverse-mode differentiation through the whole unrolled training, at each weight vector."""
    trajectory, queries = made(optimizer, variant)
    process = trajectory.process
    found = hydra_averaged(trajectory, queries, runs=3, fraction=0.3, depth=depth).values
    expected = torch.zeros_like(found)
    for weights in lowered_weights(process, 3, 0.3, depth):
        leaf = weights.clone().requires_grad_()
        state = unrolled_final_state(process, trajectory.rates, leaf, process.initial_state())
        for q, query in enumerate(queries.queries):
            value = queries.value(query, state.parameters, state.buffers)
            expected[q] -= torch.autograd.grad(value, leaf, retain_graph=True)[0] / 3
    assert relative_error(found, expected) <= 1e-8


def test_a_small_removal_is_predicted_by_the_mid_point_to_second_order():
    """On a smooth map: the mid-point's error falls with the cube of the step, that of one end with its square."""
    trajectory, queries = made()
    process = trajectory.process
    (away,) = lowered_weights(process, 1, 0.3, 1.0)
    group = away == 0
    errors = {"end": [], "mid-point": []}
    base = queries.values(trajectory.final_state)
    for step in (0.4, 0.2):
        weights = torch.where(group, 1 - step, 1.0).double()
        real = queries.values(run(process, process.initial_state(), trajectory.rates, weights=weights)) - base
        for name, depth in (("end", 0.0), ("mid-point", step / 2)):
            c = hydra_averaged(trajectory, queries, runs=1, fraction=0.3, depth=depth).values
            errors[name].append((step * c[:, group].sum(1) - real).abs().max().item())
    assert errors["end"][0] / errors["end"][1] == pytest.approx(4, rel=0.3)
    assert errors["mid-point"][0] / errors["mid-point"][1] == pytest.approx(8, rel=0.4)


def test_draws():
    process = made()[0].process
    draws = list(lowered_weights(process, 4, 0.2, 1.0))
    assert all((w == 0).sum() == 2 and (w == 1).sum() == 9 for w in draws)
    assert len({tuple(w.tolist()) for w in draws}) > 1
    again = list(lowered_weights(process, 2, 0.2, 0.5))
    assert all(torch.equal(a == 0.5, b == 0) for a, b in zip(again, draws, strict=False))


def test_less_memory_and_chunks_of_queries_change_nothing(monkeypatch):
    trajectory, queries = made()
    options = {"runs": 2, "fraction": 0.2}
    whole = hydra_averaged(trajectory, queries, **options).values
    one_by_one = hydra_averaged(trajectory, queries, **(options | {"queries_at_once": 1})).values
    assert torch.allclose(
        whole, one_by_one, rtol=1e-12, atol=1e-15
    )  # small models sum several queries otherwise
    monkeypatch.setattr(nearby, "BUDGET", 1)
    kept = nearby.retrained(trajectory, torch.ones(11, dtype=torch.float64))
    assert len(kept.checkpoints) <= 4 < trajectory.steps
    alone = hydra_averaged(trajectory, queries, **options).values  # there is no room for two at once
    assert torch.allclose(whole, alone, rtol=1e-9, atol=1e-14)


def test_trainings_at_once_are_those_one_by_one():
    """In their order, of two trajectories in turn, from a later step on, and whatever their company."""
    whole, _ = made()
    late = whole.since(3)
    stream = torch.Generator().manual_seed(0)
    drawn = [
        (source, torch.rand(11, dtype=torch.float64, generator=stream))
        for source in (whole, whole, late, whole)
    ]
    found = list(nearby.retrained_in_turn(drawn))
    assert [one.first for one in found] == [0, 0, 3, 0]
    for (source, weights), one in zip(drawn, found, strict=True):
        alone = nearby.retrained(source, weights)
        assert one.checkpoints == list(range(source.first, source.steps + 1))
        assert torch.equal(one.weights, weights)
        assert all(one.state(step).largest_difference(alone.state(step)) < 1e-11 for step in one.checkpoints)
    again = [next(iter(nearby.retrained_in_turn([pair]))) for pair in drawn]
    for one, other in zip(found, again, strict=True):
        assert one.final_state.largest_difference(other.final_state) == 0


@pytest.mark.parametrize("samples", [1, 2])
def test_hardly_any_samples(samples):
    process, data, rates = tiny_process(data=tiny_data(samples=samples))
    queries = QuerySet(expand_queries(SPECS, data), data, process)
    found = hydra_averaged(Trajectory.in_memory(process, rates), queries, runs=2, fraction=0.5)
    assert found.values.shape == (2, samples)
    assert torch.isfinite(found.values).all()


def test_no_queries():
    trajectory, queries = made()
    found = hydra_averaged(trajectory, QuerySet([], None, trajectory.process), runs=2)  # type: ignore[arg-type]
    assert found.values.shape == (0, 11)


def test_the_correlation_of_runs_is_the_mean_over_pairs():
    values = np.random.default_rng(0).normal(size=(4, 3, 50)) + np.linspace(-2, 2, 50)
    expected = [np.corrcoef(values[:, q])[np.triu_indices(4, 1)].mean() for q in range(3)]
    assert mean_correlation(torch.from_numpy(values)) == pytest.approx(expected)
