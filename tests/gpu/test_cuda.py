"""A GPU gives what the processor gives, and the same bytes in every run.

Skipped, and said so, where PyTorch finds no CUDA device; that every case can be scored is looked at everywhere. Numbers
are compared in double precision, where both agree to round-off and a wrong kernel does not hide in it; bits in single
precision, as studies are computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from hydra_steps.config.sections import Compute, RunSettings
from hydra_steps.config.targets import CLASS, TOKENS
from hydra_steps.data import RunData
from hydra_steps.errors import StudyError
from hydra_steps.process.building import build_process
from hydra_steps.process.compute import prepare_compute
from hydra_steps.process.process import Process
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import run, weights_without
from hydra_steps.process.together import one_by_one, run_together
from hydra_steps.process.trial.try_model import try_model
from hydra_steps.registry import entries, load, use_plugins
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.any_task import CASES as TASKS
from tests.helpers.any_task import LANGUAGE_MODEL, case_data
from tests.helpers.tiny import MODELS, OPTIMIZERS, tiny_data, tiny_rates, tiny_settings
from tests.scoring.test_every_loss import OPTIONS
from tools import layer_cases

ROUND_OFF = 1e-9  # of the largest entry
SWEEPS = ("hydra_exact", "hydra_gauss_newton", "hydra_hessian_free")
SAY = {"vocabulary": 5, "every_place": True}
SIZES = {"resnet18": {"width": 4}, "table_transformer": {"width": 4}, "gru": SAY, "text_transformer": SAY}
BANKED = [*MODELS, "lenet5_tanh", "lenet5_relu"]

SINGLE = 1e-6  # PyTorch's hardswish on a GPU divides by a six in single precision
DRAWN_THERE = ("trak", "influence_arnoldi")  # random projections and starts are the device's own
# Layers with a kernel on a GPU that adds up in no fixed order: refused there.
WITHOUT_ORDER = {
    *("MaxPool3d", "AvgPool3d", "LPPool3d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d"),
    *("AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "ReflectionPad1d", "ReflectionPad3d"),
    *("LocalResponseNorm", "Upsample, bicubic"),
}

gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is here")


@pytest.fixture(autouse=True)
def _as_jobs_have_it(request: pytest.FixtureRequest) -> Iterator[None]:
    deterministic = torch.are_deterministic_algorithms_enabled()
    if request.node.get_closest_marker("skipif"):
        prepare_compute(Compute(device="cuda"))
    yield
    torch.use_deterministic_algorithms(deterministic)


def process_on(device: str, settings: dict[str, Any], data: RunData, dtype: str = "float64") -> Process:
    return build_process(RunSettings.of(settings | {"compute": {"device": device, "dtype": dtype}}), data)


def scored(process: Process, data: RunData, *methods: str) -> dict[str, Tensor]:
    """The last state, and the contributions by each method to one query and to three."""
    trajectory = Trajectory.in_memory(process, tiny_rates(process))
    specs = [
        {"kind": "mean_loss", "split": "test"},
        {"kind": "sample_loss", "split": "test", "samples": [0, 2]},
    ]
    every = QuerySet(expand_queries(specs, data), data, process)
    found = dict(zip(("parameters", "slots", "buffers"), trajectory.final_state, strict=True))
    for method in methods:
        for queries in (every, QuerySet(every.queries[:1], data, process)):
            values = load("method", method)(trajectory, queries, **OPTIONS.get(method, {})).values
            found[f"{method}, {len(queries.queries)} queries"] = values
    return {name: values.double().cpu() for name, values in found.items()}


def for_model(name: str, **training: Any) -> tuple[dict[str, Any], RunData]:
    """Settings and data that a model can be trained with."""
    settings = tiny_settings(**training) | {"model": {"name": name} | SIZES.get(name, {})}
    if SIZES.get(name) is SAY:
        settings["training"]["loss"] = {"name": "next_token"}
        return settings, case_data(TOKENS, 8)
    return settings, case_data(CLASS, 8) if name == "table_transformer" else tiny_data(8, side=8)


def of_model(device: str, name: str) -> dict[str, Tensor]:
    settings, data = for_model(name, epochs=2)
    return scored(process_on(device, settings, data), data, *SWEEPS)


def of_training(device: str, name: str) -> dict[str, Tensor]:
    """Of a perceptron, by an optimizer or in a variant; with what else a training may have."""
    settings = tiny_settings(name) if name in OPTIMIZERS else tiny_settings(variant=name, average=0.9)
    if name == "nesterov":
        settings["training"]["clip"] = {"norm": 0.5}
    data = tiny_data()
    return scored(process_on(device, settings, data), data, "hydra_exact")


def of_task(device: str, name: str) -> dict[str, Tensor]:
    case = TASKS[name]
    data = case_data(case.asks, grouped=case.grouped)
    settings = tiny_settings(loss=case.loss)
    if case.grouped:
        settings["model"] = {"name": "masked"}
    elif case.asks == TOKENS:
        settings["model"] = {"name": "text_transformer"} | SAY
    return scored(process_on(device, settings, data), data, "hydra_exact")


def of_method(device: str, name: str) -> dict[str, Tensor]:
    settings, data = tiny_settings(epochs=2), tiny_data(side=4)
    settings["model"] = {"name": "lenet5_tanh"}
    return scored(process_on(device, settings, data), data, name)


def of_layer(device: str, label: str) -> dict[str, Tensor]:
    settings, data = tiny_settings(epochs=2, batch_size=3), tiny_data(samples=6, side=layer_cases.SIDE)
    settings["model"] = {"name": "layer", "label": label}
    process = process_on(device, settings, data)
    try_model(process)
    return scored(process, data, "hydra_exact")


CASES: dict[str, tuple[Callable[[str, str], dict[str, Tensor]], str]] = {
    **{f"model {name}": (of_model, name) for name in sorted(entries("model"))},
    **{f"training {name}": (of_training, name) for name in [*OPTIMIZERS, *MODELS]},
    **{f"task {name}": (of_task, name) for name in TASKS},
    **{f"method {name}": (of_method, name) for name in sorted(entries("method"))},
}


@cache
def on_processor(name: str) -> dict[str, Tensor]:
    score, of = CASES[name]
    try:
        return score("cpu", of)
    except ImportError as missing:  # a GPU's machine may have no more than PyTorch
        pytest.skip(str(missing))


@pytest.fixture
def _plugin(tmp_path: Any) -> Iterator[None]:
    (tmp_path / "reader.py").write_text(LANGUAGE_MODEL)
    use_plugins(["reader.py", layer_cases.__file__], tmp_path)
    yield
    use_plugins([])


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor], error: float = ROUND_OFF) -> None:
    for name, values in expected.items():
        assert torch.equal(found[name].isnan(), values.isnan()), name
        if values.numel():
            apart = (found[name] - values).nan_to_num().abs().max()
            assert apart <= error * values.nan_to_num().abs().max().clamp_min(1), f"{name}: {apart}"


@pytest.mark.usefixtures("_plugin")
@pytest.mark.parametrize("name", CASES)
def test_each_case_can_be_scored(name: str) -> None:
    found = on_processor(name)
    assert found["parameters"].isfinite().all()
    for values in list(found.values())[3:]:
        assert values.nan_to_num().abs().max() > 0


@gpu
@pytest.mark.usefixtures("_plugin")
@pytest.mark.parametrize("name", CASES)
def test_the_same_numbers_on_both(name: str) -> None:
    score, of = CASES[name]
    expected = on_processor(name)
    if of in DRAWN_THERE:
        first, second = score("cuda", of), score("cuda", of)
        assert all(torch.equal(first[part], second[part]) for part in first)
        return
    assert_same(score("cuda", of), expected)


@gpu
@pytest.mark.usefixtures("_plugin")
@pytest.mark.parametrize("label", layer_cases.CASES)
def test_layers_on_both(label: str) -> None:
    """Refused on both, or on the GPU by the name of a kernel that adds up in no fixed order, or the same numbers."""
    torch.use_deterministic_algorithms(False)
    try:
        expected = of_layer("cpu", label)
    except StudyError:
        expected = None
    torch.use_deterministic_algorithms(True)
    if label == "MaxUnpool2d":  # its sizes are found by a call, before the trial
        with pytest.raises(RuntimeError, match="deterministic implementation"):
            of_layer("cuda", label)
        return
    if expected is None or label in WITHOUT_ORDER:
        with pytest.raises(StudyError, match="" if expected is None else "has no deterministic form"):
            of_layer("cuda", label)
        return
    assert_same(of_layer("cuda", label), expected, SINGLE if label == "Hardswish" else ROUND_OFF)


@gpu
@pytest.mark.parametrize("name", sorted(entries("model")))
def test_the_same_bits_in_every_run(name: str) -> None:
    settings, data = for_model(name, epochs=2)
    first, second = (
        scored(process_on("cuda", settings, data, "float32"), data, "hydra_exact") for _ in range(2)
    )
    assert all(torch.equal(first[part], second[part]) for part in first)


@gpu
@pytest.mark.parametrize("variant", BANKED)
def test_trainings_at_once(variant: str) -> None:
    """As one by one, and each whatever its company."""
    settings = tiny_settings(variant=variant) if variant in MODELS else tiny_settings()
    if variant not in MODELS:
        settings["model"] = {"name": variant}
    for dtype in ("float64", "float32"):
        process = process_on("cuda", settings, tiny_data(samples=50, side=8), dtype)
        rates = tiny_rates(process)
        weights = torch.stack([weights_without(process, torch.tensor([n])) for n in range(32)])
        whole = one_by_one(run_together(process, rates, weights))
        if dtype == "float64":
            for place in (0, 7):
                alone = run(process, process.initial_state(), rates, weights=weights[place])
                assert whole[place].largest_difference(alone) < 1e-10
            continue
        for part in ([3], [5, 3], [3, 7, 11], list(range(20))[::-1]):
            for state, place in zip(
                one_by_one(run_together(process, rates, weights[part])), part, strict=True
            ):
                assert state.equal(whole[place]), f"{len(part)} together"


@gpu
@pytest.mark.parametrize("name", ["lenet5_tanh", "densenet40", "text_transformer"])
def test_replay_gives_the_same_bits(name: str) -> None:
    settings, data = for_model(name)
    process = process_on("cuda", settings, data, "float32")
    rates = tiny_rates(process)
    whole, sparse = Trajectory.in_memory(process, rates), Trajectory.in_memory(process, rates, [0, 5])
    assert all(whole.state(step).equal(sparse.state(step)) for step in range(process.steps + 1))
