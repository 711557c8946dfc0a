"""Early stopping: where a training ends is found once, recorded, and kept by all that trains again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import hydra_steps as hs
from hydra_steps.data import RunData
from hydra_steps.errors import StudyError
from hydra_steps.process.process import Process
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import evaluate, is_over, own_rates, run, train, weights_without
from hydra_steps.scoring.hydra import hydra_exact, hydra_hessian_free
from hydra_steps.scoring.hydra_forward import hydra_forward
from hydra_steps.trajectory.training import train_model
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import built, relative_error, tiny_data, tiny_settings
from tests.helpers.unrolled import unrolled_contribution

SPECS = [{"kind": "mean_loss", "split": "test"}]
EPOCHS = 40


def stopping(patience: int | None = 2, schedule: str = "cosine") -> tuple[Process, RunData]:
    """A training whose validation loss rises long before its last epoch."""
    settings, data = tiny_settings(schedule=schedule, early_stopping=patience, epochs=EPOCHS), tiny_data()
    return built(settings, data), data


def epoch_losses(process: Process, data: RunData) -> list[float]:
    """The validation loss after each epoch of the whole training."""
    found, end = [], process.steps_per_epoch
    split = process.place(data.validation.inputs), process.place(data.validation.targets)

    def observe(step: int, state: object, *_: object) -> None:
        if (step + 1) % end == 0:
            found.append(evaluate(process, state, *split)[0])

    run(process, process.initial_state(), own_rates(process, data.validation), observe=observe)
    return found


@pytest.mark.parametrize("schedule", ["cosine", "plateau"])
def test_a_training_ends_where_its_validation_loss_has_not_fallen_for_so_long(schedule: str) -> None:
    whole, data = stopping(None, schedule)
    losses = epoch_losses(whole, data)
    best = int(np.argmin(losses))
    first = next(e for e in range(EPOCHS) if e >= 2 and min(losses[e - 1 : e + 1]) >= min(losses[: e - 1]))
    process, _ = stopping(2, schedule)
    state, rates = train(process, data.validation)
    assert len(rates) == (first + 1) * process.steps_per_epoch < process.steps
    assert first >= min(best, first)
    # The rates are those of the whole training's beginning: a schedule does not know that it will end earlier.
    assert rates == own_rates(whole, data.validation)[: len(rates)]
    assert state.equal(run(whole, whole.initial_state(), rates, last=len(rates)))


def test_scores_are_derivatives_of_the_training_as_long_as_it_was() -> None:
    process, data = stopping()
    rates = own_rates(process, data.validation)
    process = process.until(len(rates))
    queries = QuerySet(expand_queries(SPECS, data), data, process)
    trajectory = Trajectory.in_memory(process, rates)
    exact = hydra_exact(trajectory, queries).values
    assert trajectory.steps == len(rates) < EPOCHS * process.steps_per_epoch
    assert relative_error(exact, unrolled_contribution(process, rates, queries)) <= 1e-8
    for hessian, reverse in ((True, hydra_exact), (False, hydra_hessian_free)):
        forward = hydra_forward(trajectory, queries, samples=[2], hessian=hessian).values[:, [2]]
        assert relative_error(forward, reverse(trajectory, queries).values[:, [2]]) <= 1e-8
    step, ends = 1e-5, []
    for sign in (1, -1):
        weights = weights_without(process, [])
        weights[2] += sign * step
        ends.append(queries.values(run(process, process.initial_state(), rates, weights=weights)))
    assert relative_error(exact[:, 2], -(ends[0] - ends[1]) / (2 * step)) <= 1e-5


def test_the_last_step_is_recorded_and_replayed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process, data = stopping()
    for module in ("training", "trajectory"):
        monkeypatch.setattr(f"hydra_steps.trajectory.{module}.load_data", lambda *_: data)
    train_model(process.settings, "splits.csv", "labels.csv", tmp_path / "trajectory")
    opened = Trajectory.open(tmp_path / "trajectory", data)
    rates = own_rates(process, data.validation)
    assert opened.steps == len(rates) == opened.store.steps
    assert opened.process.epochs < EPOCHS
    assert len(opened.store.epochs["epoch"]) == opened.process.epochs
    assert opened.final_state.equal(train(process, data.validation)[0])
    assert opened.rates == rates
    other = opened.from_seed(8)
    assert other.steps == len(other.rates)
    assert other.process.table.shape[0] == other.steps


def test_from_python() -> None:
    generator = np.random.default_rng(0)
    inputs, labels = generator.normal(size=(60, 4)).astype(np.float32), generator.integers(0, 2, 60)
    net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))
    data = {"train": (inputs[:30], labels[:30]), "test": (inputs[40:], labels[40:])}
    ended = hs.train(
        net,
        **data,
        validation=(inputs[30:40], labels[30:40]),
        epochs=60,
        optimizer=hs.SGD(0.5, momentum=0.9),
        early_stopping=3,
    )
    assert ended.trajectory.process.epochs < 60
    assert np.isfinite(ended.score("hydra_exact").values).all()
    with pytest.raises(
        StudyError, match=r"early_stopping looks at the validation loss.*no validation samples"
    ):
        hs.train(net, **data, epochs=60, early_stopping=3)


@pytest.mark.parametrize(
    ("losses", "patience", "over"),
    [([], 1, False), ([1.0], 1, False), ([1.0, 1.0], 1, True), ([1.0, 2.0, 0.9], 2, False)],
)
def test_patience(losses: list[float], patience: int, over: bool) -> None:
    assert is_over(losses, patience) is over
