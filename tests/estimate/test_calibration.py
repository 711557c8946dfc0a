"""What a study's steps and methods take is measured by little, and each number says where it is from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra_steps.config import load_study
from hydra_steps.config.sections import RunSettings
from hydra_steps.config.study import Method
from hydra_steps.estimate.calibration import Known, calibrate
from hydra_steps.estimate.rates import Calibration
from hydra_steps.estimate.tiny import small_plan, small_queries
from tests.helpers.tiny import tiny_settings

ROOT = Path(__file__).parents[2]
AT_EASE = 3600.0  # seconds that no test needs, and a busy machine may


def test_small_queries_are_fewer_and_distinct() -> None:
    specs = [
        {"kind": "mean_loss", "split": "test"},
        {"kind": "sample_loss", "split": "test", "samples": [7, 400, 900]},
        {"kind": "sample_loss", "split": "test", "count": 61},
    ]
    small, scale = small_queries(specs, 32)
    assert small[0] == specs[0]
    assert small[1]["samples"] == [0, 1, 2]
    assert small[2]["samples"] == list(range(3, 32))
    assert scale == 64 / 32


def calibrated(run: dict, methods: dict, queries: list, samples: int, **more: Any) -> Calibration:
    """What :func:`calibrate` measures, of plain settings and methods."""
    typed = {label: Method.of(plain) for label, plain in methods.items()}
    return calibrate(RunSettings.of(run), typed, queries, samples, **more)


def test_calibration_measures_every_method_of_the_test_study() -> None:
    study = load_study(ROOT / "config" / "test.yaml")
    run = {**tiny_settings(), "data": study["data"], "compute": study["compute"]}
    found = calibrated(run, study["methods"], study["queries"], 150, seconds=AT_EASE)
    assert set(found.methods) == set(study["methods"])
    assert {cost.source for cost in found.methods.values()} == {"measured"}
    assert 0 < found.seconds_per_step < 1
    assert found.methods["hydra_exact"].seconds(100, 150) > 0
    assert found.parameters == 64 * 5 + 5 + 5 * 10 + 10


def test_without_time_costs_are_nominal_and_then_scaled_from_what_another_run_told() -> None:
    study = load_study(ROOT / "config" / "test.yaml")
    run = {**tiny_settings(), "data": study["data"], "compute": study["compute"], "variant": "first"}
    known = Known()
    none = calibrated(run, study["methods"], study["queries"], 150, seconds=0.0, known=known)
    assert none.source == "nominal"
    assert {cost.source for cost in none.methods.values()} == {"nominal"}
    whole = calibrated(run, study["methods"], study["queries"], 150, seconds=AT_EASE, known=known)
    assert whole.source == "measured"
    other = {**run, "variant": "second", "model": {"name": "mlp", "hidden": [9]}}
    again = calibrated(other, study["methods"], study["queries"], 150, seconds=0.0, known=known)
    assert again.source == "scaled from first-seed3"
    assert again.seconds_per_step != none.seconds_per_step
    assert again.parameters == 64 * 9 + 9 + 9 * 10 + 10


def test_methods_that_differ_in_a_damping_alone_are_measured_once() -> None:
    study = load_study(ROOT / "config" / "test.yaml")
    run = {**tiny_settings(), "data": study["data"], "compute": study["compute"]}
    cg = study["methods"]["influence_cg"]
    sweep = {"one": cg, "two": {**cg, "damping": 0.1}, "three": {**cg, "iterations": 7}}
    found = calibrated(run, sweep, study["queries"], 150, seconds=AT_EASE).methods
    assert [found[label].source for label in sweep] == ["measured", "scaled from one", "measured"]
    assert found["two"].per_sample == found["one"].per_sample


def test_long_steps_are_measured_on_a_part_of_the_batch() -> None:
    queries = [{"kind": "mean_loss", "split": "test"}, {"kind": "sample_loss", "split": "test", "count": 20}]
    quick = small_plan(64, 10, queries, lambda batch: 1e-5 * batch)
    assert (quick.part, quick.fewer, quick.split) == (64, 1.0, 64)
    slow = small_plan(64, 10, queries, lambda batch: 0.02 * batch)
    assert (slow.part, slow.fewer, slow.split) == (4, 20 / 7, 14)
    assert slow.sizes == ((12, 1), (12, 2), (24, 1))
    assert small_plan(2, 10, queries, lambda batch: batch).part == 2


def test_a_series_of_many_iterations_is_measured_by_a_few() -> None:
    """LiSSA's thousand iterations are not run to say what they would take, and are counted all the same."""
    study = load_study(ROOT / "config" / "test.yaml")
    run = {key: study[key] for key in ("data", "model", "training", "compute")} | {"seed": 0}
    options = {"iterations": 20, "repeats": 1, "batch": 32, "damping": 0.01, "scale": 1000.0, "stop": 0.0}
    few = {"method": "influence_lissa", **options}
    found = calibrated(
        run, {"few": few, "many": {**few, "iterations": 20_000}}, study["queries"], 150, seconds=AT_EASE
    )
    steps, samples = 2 * 5, 150
    few_seconds, many_seconds = (found.methods[label].seconds(steps, samples) for label in ("few", "many"))
    assert many_seconds > 100 * few_seconds > 0
