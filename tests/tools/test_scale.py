"""Costs on paper: what follows from the sizes alone, and from one real training."""

from __future__ import annotations

import pytest

from hydra_steps.estimate.nominal import Machine, step_seconds
from tools.scale import POLICIES, WORKLOADS, costs_of, table
from tools.scale_check import POINTS, fitted, measure, predicted


def test_storage_is_states_times_their_bytes() -> None:
    work = WORKLOADS[0]
    every = costs_of(work, "all")
    assert every.size.steps == 90 * 5005
    assert every.state == 4 * (2 * 25_557_032 + 53_120)
    assert every.shape.bytes == pytest.approx((every.size.steps + 1) * every.state, rel=0.01)
    assert len(costs_of(work, "sqrt").shape.checkpoints) == pytest.approx(every.size.steps**0.5, rel=0.01)
    assert costs_of(work, {"budget": "1TB"}).shape.bytes < 1.001e12


@pytest.mark.parametrize("work", WORKLOADS, ids=lambda work: work.model)
def test_a_table_has_a_row_for_each_policy(work) -> None:
    rows = [line for line in table(work) if line.startswith("| `")][1:]  # without the heading
    assert [row.split("`")[1] for row in rows] == list(POLICIES)
    exact = [costs_of(work, keep).score("exact")[0] for keep in POLICIES.values()]
    assert exact[0] < min(exact[1:])  # nothing to replay
    assert costs_of(work, "sqrt", 100).score("exact")[0] > 50 * costs_of(work, "sqrt").train()[0]


def test_the_fit_finds_the_machine_that_made_the_times() -> None:
    machine = Machine("made up", flops=2e10, bandwidth=3e9, launch=5e-5)
    seconds = [step_seconds(point.net, point.batch, 1, machine) for point in POINTS]
    found = fitted(list(POINTS), seconds, 1e8)
    assert (found.flops, found.bandwidth, found.launch) == pytest.approx((2e10, 3e9, 5e-5), rel=1e-6)


def test_a_real_store_has_the_predicted_size() -> None:
    point = POINTS[1]
    real = measure(point)
    assert min(real.values()) > 0
    costs = predicted(point, Machine("any", 1e10, 1e9, 1e-4, memory=real["startup_memory"]))
    assert costs.shape.bytes == pytest.approx(real["stored"], rel=0.05)
    assert costs.shape.parameters == 4810
