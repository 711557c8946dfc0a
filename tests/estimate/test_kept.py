"""What ``keep: auto`` would store, told before anything runs: run after run, each with the disk that is left."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from hydra_steps.config import resolve_study
from hydra_steps.config.__main__ import kept, main
from hydra_steps.estimate.costs import study_costs
from hydra_steps.estimate.kept import kept_lines, runs_costs
from hydra_steps.estimate.rates import Calibration, MethodCost
from hydra_steps.machine import Available, available, bytes_in, existing

STATE = 1000 * 4
STUDY = {
    "seeds": [0, 1],
    "data": {"name": "digits", "train": 320, "validation": 50, "test": 50},
    "model": {"name": "mlp", "hidden": [8]},
    "training": {"epochs": 10, "batch_size": 32, "optimizer": {"name": "sgd", "learning_rate": 0.1}},
    "trajectory": {"keep": "auto"},
    "variants": {"base": {}, "sparse": {"trajectory": {"keep": "sqrt"}}},
    "methods": {"hydra_exact": {}},
    "queries": [{"kind": "mean_loss", "split": "test"}],
}
WHOLE, SPARSE = 101, 11  # states of 100 steps


def measured(run: str) -> Calibration:
    cost = MethodCost(fixed=1.0, per_step=0.02, per_sample=0.001)
    return Calibration(
        parameters=1000,
        slots=0,
        buffers=0,
        seconds_per_step=0.01,
        seconds_per_evaluated_sample=1e-5,
        methods={"hydra_exact": cost},
        startup=2.0,
        training_memory=10**8,
        scoring_memory=10**8,
    )


@pytest.fixture
def study(tmp_path: Path) -> dict:
    return resolve_study({**STUDY, "study": "kept", "results": str(tmp_path / "results")})


def test_a_run_has_the_disk_that_those_before_it_leave(study) -> None:
    names = ["base-seed0", "base-seed1", "sparse-seed0", "sparse-seed1"]

    def stored(disk: float) -> list[int]:
        there = Available(disk)
        found = runs_costs(study, names, measured, there)
        return [len(cost.shape.checkpoints) for cost in found.values()]

    assert stored(1e9) == [WHOLE, WHOLE, SPARSE, SPARSE]
    assert stored(10 * WHOLE * STATE) == [WHOLE, SPARSE, SPARSE, SPARSE]
    assert stored(0) == [SPARSE] * 4


def test_the_lines_say_what_is_stored_of_each_variant_that_asks(study) -> None:
    names, there = ["base-seed0", "sparse-seed0"], Available(1e9)
    assert kept_lines(study, runs_costs(study, names, measured, there), there) == [
        "base: keep: auto stores all 101 states, 404 KB; the disk has 1 GB free"
    ]
    there = Available(4e6)
    assert kept_lines(study, runs_costs(study, names, measured, there), there) == [
        "base: keep: auto stores 11 of 101 states, one in 10, 44 KB; all take 404 KB, and the disk has 4 MB free"
    ]


def test_what_is_asked_for_suits_both_decisions_and_replay_is_counted_by_the_one_taken(study) -> None:
    def score(there: Available | None) -> tuple[float, float, float]:
        costs = study_costs(study, measured, there)
        found = next(cost for cost in costs if cost.rule == "score_samples: hydra_exact")
        return found.memory, found.seconds, next(cost.disk for cost in costs if cost.rule == "train_model")

    (memory, sparse, little), (same, dense, much) = score(None), score(Available(1e9))
    assert memory == same
    assert sparse - dense == pytest.approx(2 * 100 * 0.01)  # base's two runs
    assert much > 4 * little


def test_a_check_says_what_would_be_stored_now(study, tmp_path, monkeypatch, capsys) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump({**STUDY, "study": "kept", "results": str(tmp_path / "results")}))
    monkeypatch.setattr(sys, "argv", ["config", "--check", str(path)])
    main()
    told = re.findall(r"^# (.*keep: auto.*)$", capsys.readouterr().out, flags=re.MULTILINE)
    assert len(told) == 1
    assert re.match(r"base: keep: auto stores all 101 states, .*; the disk has .* free$", told[0])
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10**9, 10**9, 10**6))
    assert kept(study)[0].startswith("base: keep: auto stores 11 of 101 states, one in 10, ")
    sparse = resolve_study({**STUDY, "study": "kept", "trajectory": {"keep": "sqrt"}})
    assert kept(sparse) == []


def test_what_there_is_for_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    folder = tmp_path / "results" / "mine"
    assert existing(folder) == tmp_path
    there = available(folder)
    assert 0 < there.disk <= shutil.disk_usage(tmp_path).total
    assert there.memory > 10**8
    assert there.without(there.disk + 1).disk == 0
    (tmp_path / "a").write_bytes(b"123")
    assert (bytes_in(tmp_path), bytes_in(folder)) == (3, 0)
