"""What cannot fit the memory is refused before anything runs; what might fit is not."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest

from hydra_steps.config import resolve_study
from hydra_steps.config.__main__ import main as check
from hydra_steps.config.study import Method
from hydra_steps.estimate.memory import too_large
from hydra_steps.estimate.nominal import method_memory
from hydra_steps.estimate.rates import Held
from hydra_steps.estimate.requests import measured_lines
from hydra_steps.machine import machine_memory
from hydra_steps.registry import entries
from tests.workflow.conftest import Tree

SIZES = {"p": 1_000_000, "s": 1, "k": 3_000_000, "q": 20, "n": 20_000, "e": 30}
GREEDY = {
    "influence_arnoldi": {"dimensions": 10_000, "rank": 50},
    "data_value_embedding": {"projection": 65_536},
    "hydra_forward": {"fraction": 1.0},
    "trak": {"projection": 40_000, "checkpoints": 30},
    "relatif": {},
}


def study_with(tmp_path: Path, **sections: object) -> dict:
    raw = {
        "study": "large", "results": str(tmp_path / "results"), "seeds": [0],
        "data": {"name": "digits", "folder": str(tmp_path / "data"), "train": 150, "validation": 50, "test": 60},
        "model": {"name": "mlp", "hidden": [100]}, "training": {"epochs": 2, "batch_size": 32},
        "methods": {"random": {}},
    }  # fmt: skip
    return resolve_study(raw | sections)


@pytest.mark.parametrize("method", GREEDY)
def test_what_greedy_options_hold(method: str) -> None:
    width = 4
    defaults = method_memory(Method.of({"method": method}), SIZES, width).bytes
    assert defaults < 8e9, "nobody is refused a method's defaults on a small model"
    greedy = method_memory(Method.of({"method": method, **GREEDY[method]}), SIZES, width)
    if GREEDY[method]:
        assert greedy.bytes > 35e9
    for option, value in GREEDY[method].items():
        assert f"{option} {value}" in greedy.words
    assert "1,000,000 parameters" in greedy.words
    assert method_memory(Method.of({"method": method, **GREEDY[method]}), SIZES, 8).bytes == 2 * greedy.bytes


def test_what_arnoldi_holds_is_what_captum_keeps() -> None:
    """The Krylov space and its eigenvectors, which are no more than there are parameters."""
    found = method_memory(Method.of({"method": "influence_arnoldi", "dimensions": 10_000}), SIZES, 4)
    assert found == Held(1e6 * 10_050 * 4, "dimensions 10000, rank 50, 1,000,000 parameters")
    few = method_memory(
        Method.of({"method": "influence_arnoldi", "dimensions": 10_000}), SIZES | {"p": 10}, 4
    )
    assert few.bytes == 10 * 20 * 4


def test_every_method_declares_what_can_be_worked_out() -> None:
    for name, entry in entries("method").items():
        assert 0 <= method_memory(Method.of({"method": name}), SIZES, 4).bytes < math.inf, entry.where


def test_lines_say_what_they_hold(tmp_path: Path) -> None:
    lines = measured_lines(
        study_with(tmp_path, methods={"random": {}, "arnoldi": {"method": "influence_arnoldi"}})
    )
    parameters = 64 * 100 + 100 + 100 * 10 + 10
    assert lines["score_samples: arnoldi"][2:] == (
        parameters * 150 * 4,
        "dimensions 100, rank 50, 7,510 parameters",
    )
    assert lines["score_samples: random"][2:] == (0.0, "")
    state = 2 * 4 * parameters  # momentum
    assert lines["train_model"][2:] == (2 * state + 4 * parameters, "7,510 parameters")
    assert all(memory >= held for memory, _, held, _ in lines.values())


def test_one_error_for_each_that_is_too_large(tmp_path: Path) -> None:
    study = study_with(tmp_path, methods={"mine": {"method": "influence_arnoldi"}, "random": {}})
    held = {
        "train_model": Held(3e9, "750,000,000 parameters"),
        "score_samples: mine": Held(4e9, "dimensions 900"),
        "score_samples: random": Held(1.0, ""),
    }
    assert [str(error) for error in too_large(study, held, 2e9)] == [
        "train_model: 750,000,000 parameters take 3.0 GB of memory at least; expected: at most 2.0 GB, the memory of "
        "this machine; what to do: choose a smaller model or data",
        "methods.mine: influence_arnoldi with dimensions 900 takes 4.0 GB of memory at least; expected: at most "
        "2.0 GB, the memory of this machine; what to do: lower one of these, remove methods.mine, or run where "
        "there is more memory",
    ]
    assert too_large(study, held, 5e9) == []
    on_gpu = study_with(tmp_path, methods=study["methods"], compute={"device": "cuda"})
    assert too_large(on_gpu, held, 2e9) == []


def test_the_memory_of_a_machine_and_of_its_container(tmp_path: Path) -> None:
    whole = machine_memory(())
    assert 1e8 < whole < 1e15
    limit = tmp_path / "memory.max"
    assert machine_memory((limit,)) == whole
    limit.write_text("max\n")
    assert machine_memory((limit,)) == whole
    limit.write_text("123456789\n")
    assert machine_memory((limit,)) == 123456789


STUDY = """
study: large
seeds: [0]
data: {name: digits, train: 150, validation: 50, test: 60}
model: {name: mlp, hidden: [2000, 2000]}
training: {epochs: 1}
methods: {embedding: {method: data_value_embedding, projection: null}, random: {}}
"""
SAID = (
    "methods.embedding: data_value_embedding with projection null, 150 training samples, 1 epochs, "
    "4,152,010 parameters"
)


def test_a_run_on_this_machine_is_refused_and_a_plan_warned(tree: Tree) -> None:
    (tree.folder / "config" / "large.yaml").write_text(STUDY)
    said = tree.run("--cores", "1", study="config/large.yaml", fails=True)
    assert f"{SAID} takes 68," in said.replace("\n", " ")
    assert not list((tree.folder / "results").rglob("splits.csv")), "refused before any job"
    assert "Traceback" not in said
    planned = tree.run("--dry-run", study="config/large.yaml")
    assert planned.count(f"warning: {SAID}") == 1
    # What is asked for decides, not what the study has beside it.
    tree.run("results/large/runs/base-seed0/splits.csv", "--cores", "1", study="config/large.yaml")


def test_commands_warn(tmp_path: Path, monkeypatch, capsys) -> None:
    study = tmp_path / "large.yaml"
    study.write_text(STUDY)
    monkeypatch.setattr(sys, "argv", ["config", "--check", str(study)])
    check()
    assert f"warning: {SAID}" in capsys.readouterr().err
    command = [sys.executable, "-m", "hydra_steps.estimate", "--seconds", "1", str(study)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"warning: {SAID}" in done.stdout + done.stderr
