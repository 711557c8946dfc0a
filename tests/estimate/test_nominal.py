"""Nominal costs: every method that a study may name has one, and it follows its options."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hydra_steps.config.schema import fill, method_schema
from hydra_steps.config.study import Method
from hydra_steps.estimate.nominal import CORE, method_cost, step_seconds
from hydra_steps.estimate.rates import Counts, Network
from hydra_steps.registry import find, names, use_plugins

SIZES = {"batch": 10, "samples": 500, "epochs": 7, "queries": 3}
NET = Network(1000, 0, Counts(1e6, 1e4, 20), Counts(3e6, 3e4, 60), 5e4)


def options(name: str, **given: object) -> dict:
    return Method.of(fill({"method": name, **given}, method_schema(name)))


@pytest.mark.parametrize("name", sorted(names("method")))
def test_every_method_has_a_cost_of_its_own(name: str) -> None:
    assert find("method", name).traits["work"]
    cost = method_cost(options(name), 0.01, **SIZES)
    assert cost.seconds(350, 500) > 0
    assert cost.source == "nominal"


@pytest.mark.parametrize(
    ("name", "more", "factor"),
    [
        ("influence_cg", {"iterations": 100}, 2.0),
        ("hydra_averaged", {"runs": 16}, 2.0),
        ("hydra_forward", {"samples": [1, 2, 3]}, (1 + 2.5 * 3) / (1 + 2.5 * 5)),  # 1 % of 500 by default
    ],
)
def test_a_cost_follows_the_options(name: str, more: dict, factor: float) -> None:
    once, again = (method_cost(options(name, **given), 0.01, **SIZES) for given in ({}, more))
    rate = (again.per_step or again.per_sample - 0.002) / (once.per_step or once.per_sample - 0.002)
    assert rate == pytest.approx(factor)


def test_a_method_that_does_not_say_what_it_costs_costs_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYDRA_STEPS_PLUGINS", "")
    everyone = max(method_cost(options(name), 0.01, **SIZES).per_step for name in ("tracin", "hydra_exact"))
    (tmp_path / "mine.py").write_text(
        "from hydra_steps.plugins import method\n"
        "@method('mine')\n"
        "def mine(trajectory, queries):\n"
        "    'Of mine.'\n"
    )
    use_plugins(["mine.py"], tmp_path)
    assert method_cost(Method.of({"method": "mine"}), 0.01, **SIZES).per_step > everyone


def test_a_step_is_launches_products_and_bytes() -> None:
    machine = replace(CORE, flops=2.0, bandwidth=4.0, launch=1.0)
    assert step_seconds(NET, 10, 1, machine) == pytest.approx(60 + 10 * 3e6 + 2 * 3e4 * 10 + 3 * 3 * 1000)
