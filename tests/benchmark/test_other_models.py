"""The timing study of models of texts: everyone takes a turn, and plain PyTorch trains the model that we train."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from hydra_steps.benchmark.contestants import MAIN, RECORD, contestants
from hydra_steps.benchmark.timed_run import TimedRun
from hydra_steps.benchmark.turns import take_turns
from hydra_steps.config.experiments import Benchmark
from hydra_steps.config.sections import RunSettings
from hydra_steps.config.study import Method
from hydra_steps.config.targets import CLASS, TOKENS
from hydra_steps.data import RunData, Split
from hydra_steps.process.running import run as run_process
from tests.helpers.any_task import TOKENS_THERE, case_data
from tests.helpers.garbage import imported_is_kept
from tests.helpers.tiny import tiny_settings

__all__ = ["imported_is_kept"]
SMALL = {"vocabulary": TOKENS_THERE, "width": 4}
LANGUAGE: dict[str, Any] = {"name": "text_transformer", "depth": 1, "heads": 2, "every_place": True, **SMALL}
CASES = {
    "transformer of next tokens": (LANGUAGE, {"name": "next_token"}),
    "GRU of classes": ({"name": "gru", **SMALL}, {"name": "cross_entropy", "label_smoothing": 0.1}),
}


def whole_texts(asks: str) -> RunData:
    """Texts as long as each other, with their next tokens or, of their first token, a class."""
    data = case_data(TOKENS, samples=8)

    def asked(split: Split) -> Split:
        targets = split.targets.clip(0) if asks == TOKENS else split.inputs[:, 0] % 3
        return Split(split.inputs, targets, split.source_index)

    parts = [asked(split) for split in (data.train, data.validation, data.test)]
    names = data.outputs if asks == TOKENS else ("0", "1", "2")
    return RunData(*parts, None, None, names, "tiny", "0" * 64, asks)


def case(name: str) -> tuple[RunSettings, RunData]:
    model, loss = CASES[name]
    settings = tiny_settings("momentum", loss=loss) | {"model": model}
    return RunSettings.of(settings), whole_texts(TOKENS if loss["name"] == "next_token" else CLASS)


@pytest.mark.parametrize("name", CASES)
def test_plain_pytorch_trains_the_same_model(name: str) -> None:
    """All of Φ with its own losses and batches against ``nn`` and ``torch.optim``, to the last parameter."""
    settings, data = case(name)
    run = TimedRun(settings, data, 8, 2)
    train = run.plain_training()
    module, again = train(), train()
    state = run_process(run.process, run.process.initial_state(), run.rates)
    theirs = module.state_dict()
    for key, ours in run.process.model.state_dict(state.parameters, state.buffers).items():
        torch.testing.assert_close(ours, theirs[key], rtol=1e-9, atol=1e-11)
        assert torch.equal(theirs[key], again.state_dict()[key])  # each begins anew


@pytest.mark.usefixtures("imported_is_kept")
@pytest.mark.parametrize("name", CASES)
def test_everyone_takes_a_turn(name: str, tmp_path: Path) -> None:
    settings, data = case(name)
    chosen = Benchmark.of(
        {"samples": 4, "epochs": 1, "record_samples": 4, "record_epochs": 1, "repeats": 1, "budget": 1e6,
         "queries": [1, 3], "tracked": [1], "scaling": {"samples": [], "epochs": [2], "widths": []}}
    )  # fmt: skip
    everyone = contestants(settings, data, chosen, {"tracin": Method()}, tmp_path)
    rows, left_out = take_turns(everyone, 1, 1e6)
    assert not left_out
    read = {row[:3] for row in rows}
    sweeps = {"hydra_exact", "hydra_gauss_newton", "hydra_hessian_free"}
    assert {name for name, axis, _ in read if axis == RECORD} == {"plain_training"}
    assert {name for name, axis, queries in read if (axis, queries) == (MAIN, 1)} >= sweeps
    assert {name for name, axis, queries in read if (axis, queries) == ("queries", 3)} == {*sweeps, "tracin"}
    assert "captum_tracincp" not in {name for name, *_ in read}  # it takes real numbers
    assert all(float(row[-1]) > 0 and float(row[-2]) > 0 for row in rows)
