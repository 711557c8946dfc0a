"""A moving average of the parameters: PyTorch's average, and derivatives of a model that is one."""

from __future__ import annotations

import pytest
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from hydra_steps.config.resolve import resolve_study
from hydra_steps.data import RunData
from hydra_steps.errors import StudyError
from hydra_steps.process.linearised import Curvature
from hydra_steps.process.process import Process
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import evaluate, retrain, run, weights_without
from hydra_steps.process.seen import seen
from hydra_steps.process.together import one_by_one, run_together
from hydra_steps.scoring.gradients import gradient_product
from hydra_steps.scoring.hydra import hydra_exact, hydra_gauss_newton, hydra_hessian_free
from hydra_steps.scoring.hydra_averaged import hydra_averaged
from hydra_steps.scoring.hydra_forward import hydra_forward
from hydra_steps.scoring.sweep import reverse_sweep
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import relative_error, tiny_process
from tests.helpers.unrolled import unrolled_final_state

DECAY = 0.7
SPECS = [
    {"kind": "mean_loss", "split": "test"},
    {"kind": "sample_loss", "split": "validation", "samples": [0]},
]
# Linear and not, without a slot and with several, clipped, and with batch norm's buffers beside the average.
CASES = [
    ("sgd", "plain", {}),
    ("momentum", "plain", {}),
    ("nesterov", "batch_norm", {}),
    ("adamw", "plain", {}),
    ("momentum", "plain", {"clip": {"norm": 0.9}}),
]


def averaged(
    optimizer: str = "momentum", variant: str = "plain", **training: object
) -> tuple[Process, RunData, list[float]]:
    return tiny_process(optimizer, "cosine", variant, average=DECAY, **training)


def asked(process: Process, data: RunData) -> QuerySet:
    return QuerySet(expand_queries(SPECS, data), data, process)


def unrolled(process: Process, rates: list[float], queries: QuerySet) -> torch.Tensor:
    """c[q, n] by autograd through the training and through the average of all states, written out."""
    weights = torch.ones(process.samples, dtype=torch.float64, requires_grad=True)
    state = unrolled_final_state(process, rates, weights)
    rows = [queries.value(query, state.slots[-1], state.buffers) for query in queries.queries]
    return torch.stack([-torch.autograd.grad(row, weights, retain_graph=True)[0] for row in rows])


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_the_average_is_torchs(optimizer: str) -> None:
    process, data, rates = averaged(optimizer)
    plain, _, _ = tiny_process(optimizer, "cosine")
    module = torch.nn.ParameterList([plain.initial_state().parameters.clone()])
    average = AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(DECAY))

    def observe(step: int, state: object, *_: object) -> None:
        module[0].data.copy_(state.parameters)
        average.update_parameters(module)

    end = run(plain, plain.initial_state(), rates, observe=observe)
    found = run(process, process.initial_state(), rates)
    assert torch.equal(found.parameters, end.parameters)
    assert relative_error(seen(process, found).parameters, average.module[0].data) < 1e-14


@pytest.mark.parametrize(("optimizer", "variant", "training"), CASES)
def test_scores_are_derivatives_of_the_average(
    optimizer: str, variant: str, training: dict[str, object]
) -> None:
    process, data, rates = averaged(optimizer, variant, **training)
    queries, trajectory = asked(process, data), Trajectory.in_memory(process, rates)
    exact = hydra_exact(trajectory, queries).values
    assert relative_error(exact, unrolled(process, rates, queries)) <= 1e-8
    for hessian, reverse in ((True, hydra_exact), (False, hydra_hessian_free)):
        forward = hydra_forward(trajectory, queries, samples=[0, 5], hessian=hessian).values[:, [0, 5]]
        assert relative_error(forward, reverse(trajectory, queries).values[:, [0, 5]]) <= 1e-8
    assert torch.isfinite(hydra_gauss_newton(trajectory, queries).values).all()


def test_scores_are_differences_of_real_trainings() -> None:
    process, data, rates = averaged()
    queries, step = asked(process, data), 1e-5
    exact = hydra_exact(Trajectory.in_memory(process, rates), queries).values
    for sample in (0, 7):
        ends = []
        for sign in (1, -1):
            weights = weights_without(process, [])
            weights[sample] += sign * step
            ends.append(queries.values(run(process, process.initial_state(), rates, weights=weights)))
        assert relative_error(exact[:, sample], -(ends[0] - ends[1]) / (2 * step)) <= 1e-5


def test_hyperparameters_have_their_derivatives() -> None:
    process, data, rates = averaged()
    queries, step = asked(process, data), 1e-5
    trajectory = Trajectory.in_memory(process, rates)
    bars = queries.cotangents(trajectory.final_state)
    found = reverse_sweep(trajectory, bars, Curvature.EXACT, hyper=True).hyper["learning_rate"]
    for place in (0, 4):
        ends = []
        for sign in (1, -1):
            moved = [rate + sign * step * (t == place) for t, rate in enumerate(rates)]
            ends.append(queries.values(run(process, process.initial_state(), moved)))
        assert relative_error(found[place], (ends[0] - ends[1]) / (2 * step)) <= 1e-5


def test_all_who_look_at_a_model_look_at_the_average() -> None:
    process, data, rates = averaged()
    trajectory, split = Trajectory.in_memory(process, rates, data=data), data.test
    state = trajectory.load(trajectory.steps)
    alone = state._replace(parameters=state.slots[-1])
    plain, _, _ = tiny_process("momentum", "cosine")
    inputs, targets = process.place(split.inputs), process.place(split.targets)
    loss = evaluate(plain, alone, inputs, targets)
    assert evaluate(process, state, inputs, targets) == loss != evaluate(plain, state, inputs, targets)
    assert asked(process, data).values(state)[0].item() == pytest.approx(loss[0], rel=1e-12)
    assert torch.equal(torch.cat([p.flatten() for p in trajectory.model_at(9).parameters()]), state.slots[-1])
    queries = asked(process, data)
    without = Trajectory(plain, rates, [0, 9], lambda step: alone, data=data)
    assert torch.equal(
        gradient_product(trajectory, queries).values, gradient_product(without, asked(plain, data)).values
    )
    assert torch.isfinite(hydra_averaged(trajectory, queries, runs=2).values).all()


def test_several_trainings_at_once_are_those_alone() -> None:
    process, data, rates = averaged()
    weights = torch.stack([weights_without(process, [0]), weights_without(process, [3, 4])])
    queries = asked(process, data)
    for removed, state in zip(([0], [3, 4]), one_by_one(run_together(process, rates, weights)), strict=True):
        alone = retrain(process, rates, removed)
        assert relative_error(queries.values(state), queries.values(alone)) < 1e-11


@pytest.mark.parametrize("method", ["in_run_shapley", "data_value_embedding"])
def test_methods_that_follow_the_parameters_are_refused(method: str) -> None:
    with pytest.raises(
        StudyError, match=rf"methods\.{method}: {method} follows the parameters.*moving average"
    ):
        resolve_study({"training": {"average": 0.9}, "methods": {method: {}}})
