"""What jobs ask for is measured once by a process of its own, kept, and measured again when it may have changed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hydra_steps.config import resolve_study
from hydra_steps.estimate.__main__ import measured
from hydra_steps.estimate.requests import (
    KEPT,
    LEAST_MEGABYTES,
    LEAST_MINUTES,
    UNKNOWN_MEGABYTES,
    UNKNOWN_MINUTES,
    Requests,
    _read,
    measured_lines,
)

ASKING = """
import json, sys
from hydra_steps.estimate.requests import Requests
print(Requests(json.load(sys.stdin)).memory('train_model'))
assert 'torch' not in sys.modules and 'hydra_steps.estimate.costs' not in sys.modules
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch) -> Path:
    """A user's cache with nothing in it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """The user's cache after a process has planned the study, once for all tests, and the megabytes that it said."""
    folder = tmp_path_factory.mktemp("asked")
    study = study_in(folder)
    kept_in(folder).parent.rmdir()
    done = subprocess.run(
        [sys.executable, "-c", ASKING], input=json.dumps(study), text=True, capture_output=True,
        env=os.environ | {"XDG_CACHE_HOME": str(folder / "cache")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not kept_in(folder).parent.exists()
    return folder / "cache", int(done.stdout)


@pytest.fixture
def planned(cache: Path, asked: tuple[Path, int]) -> int:
    """The megabytes that a process said when it planned the study; what it measured is in the user's cache."""
    shutil.copytree(asked[0], cache)
    return asked[1]


def study_in(tmp_path: Path, seeds: tuple[int, ...] = (0,), **sections: object) -> dict:
    raw = {
        "study": "asked",
        "results": str(tmp_path / "results"),
        "seeds": list(seeds),
        "data": {
            "name": "digits",
            "folder": "data",  # the same in every test's folder: nothing is read there
            "train": 1000,
            "validation": 200,
            "test": 500,
        },
        "model": {"name": "mlp"},
        "training": {"epochs": 20, "batch_size": 64},
        "methods": {"hydra_exact": {}, "random": {}},
    }
    kept_in(tmp_path).parent.mkdir(parents=True, exist_ok=True)
    return resolve_study(raw | sections)


def kept_in(tmp_path: Path) -> Path:
    return tmp_path / "results" / "asked" / KEPT


@pytest.mark.usefixtures("planned")
def test_requests_follow_the_study_and_are_kept(tmp_path: Path) -> None:
    small = Requests(study_in(tmp_path))
    assert small.memory("train_model") >= LEAST_MEGABYTES
    assert small.memory("train_model", attempt=3) == 4 * small.memory("train_model")
    assert small.minutes("train_model", attempt=2) == 2 * small.minutes("train_model")
    assert small.memory("no_such_line") == LEAST_MEGABYTES
    assert small.minutes("no_such_line") == LEAST_MINUTES
    lines = ("train_model", "score_samples: hydra_exact")  # in one job: room for the unforeseen once
    assert max(map(small.minutes, lines)) <= small.minutes(*lines) < sum(map(small.minutes, lines))
    kept = json.loads(kept_in(tmp_path).read_text())
    assert kept["problem"] == ""
    assert {"train_model", "score_samples: hydra_exact", "split_data"} <= set(kept["lines"])
    large = study_in(
        tmp_path, model={"name": "mlp", "hidden": [4096, 4096]}, training={"epochs": 500, "batch_size": 8}
    )
    (few, short, *_), (many, long, *_) = kept["lines"]["train_model"], measured_lines(large)["train_model"]
    assert many > 1.5 * few
    assert long > 1000 * short


def test_a_plan_makes_no_results_and_a_run_keeps_what_the_plan_measured(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")  # as good as a measurement, and quicker
    requests = Requests(study_in(tmp_path))
    kept_in(tmp_path).parent.rmdir()
    asked = requests.memory("train_model")
    assert not kept_in(tmp_path).parent.exists()
    kept_in(tmp_path).parent.mkdir()  # as a run does when it starts
    assert requests.memory("train_model") == asked
    assert json.loads(kept_in(tmp_path).read_text())["problem"]


@pytest.mark.usefixtures("planned")
def test_what_was_kept_serves_until_settings_change_and_for_any_seeds(tmp_path: Path, monkeypatch) -> None:
    assert Requests(study_in(tmp_path)).minutes("train_model") < 100 * LEAST_MINUTES
    kept = json.loads(kept_in(tmp_path).read_text())
    kept["lines"]["train_model"] = [9e9, 6e4, 0.0, ""]  # to see that it is read
    kept_in(tmp_path).write_text(json.dumps(kept))
    again = Requests(study_in(tmp_path, seeds=(4, 5, 6)))
    assert (again.memory("train_model"), again.minutes("train_model")) == (13_500, LEAST_MINUTES + 4000)
    assert (
        Requests(study_in(tmp_path, noise={"kind": "symmetric", "rate": 0.1})).memory("train_model") == 13_500
    )
    monkeypatch.setattr(sys, "executable", "/bin/false")  # what measures is asked
    other = Requests(study_in(tmp_path, training={"epochs": 20, "batch_size": 32}))
    assert other.memory("train_model") == UNKNOWN_MEGABYTES
    assert json.loads(kept_in(tmp_path).read_text())["digest"] != kept["digest"]


def test_a_plan_is_measured_once_though_it_makes_no_results(
    tmp_path: Path, cache: Path, monkeypatch, planned: int
) -> None:
    study = study_in(tmp_path)
    kept_in(tmp_path).parent.rmdir()
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert Requests(study).memory("train_model") == planned < UNKNOWN_MEGABYTES
    assert not kept_in(tmp_path).parent.exists()
    for file in cache.rglob("*.json"):
        file.write_text("damaged")
    assert Requests(study).memory("train_model") == UNKNOWN_MEGABYTES


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, cache: Path) -> None:
    cache.write_text("no folder")
    assert Requests(study_in(tmp_path)).memory("train_model") < UNKNOWN_MEGABYTES


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '"lines"',
        '{"digest": "3"}',
        '{"digest": "3", "lines": [1], "problem": ""}',
        '{"digest": "3", "lines": {"a": 1}, "problem": ""}',
    ],
)
def test_what_is_no_file_of_ours_is_not_read(tmp_path: Path, text: str) -> None:
    (tmp_path / KEPT).write_text(text)
    assert _read(tmp_path / KEPT, "3") is None


@pytest.mark.usefixtures("planned")
def test_without_torch_jobs_ask_for_much(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    requests = Requests(study_in(tmp_path))
    kept_in(tmp_path).write_text("damaged")
    assert requests.memory("train_model") == UNKNOWN_MEGABYTES
    assert requests.minutes("split_data", attempt=2) == 2 * UNKNOWN_MINUTES
    assert "torch is not installed here" in capsys.readouterr().err
    monkeypatch.delitem(sys.modules, "torch")
    assert Requests(study_in(tmp_path)).memory("train_model") < UNKNOWN_MEGABYTES  # once it is


def test_a_measurement_that_fails_is_said_once_and_kept(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    for _ in range(2):
        assert Requests(study_in(tmp_path)).memory("train_model") == UNKNOWN_MEGABYTES
    assert capsys.readouterr().err.count("cannot be measured here (exit code 1)") == 1


OWN = """
from torch import nn

from hydra_steps.plugins import method, model


@model("own_net")
def own_net(shape, outputs, width: int = 16):
    \"\"\"One hidden layer.\"\"\"
    hidden = nn.Linear(shape[0] * shape[1] * shape[2], width)
    return nn.Sequential(nn.Flatten(), hidden, nn.SiLU(), nn.Linear(width, outputs))


@method("own_method")
def own_method(trajectory, queries):
    \"\"\"Nothing.\"\"\"
"""


def test_a_model_and_a_method_of_a_users_own_have_requests_and_costs(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    wide, narrow = (
        study_in(
            tmp_path,
            plugins=[str(tmp_path / "own.py")],
            model={"name": "own_net", "width": width},
            methods={"mine": {"method": "own_method"}},
        )
        for width in (5000, 5)
    )
    lines = measured_lines(wide)
    assert lines["score_samples: mine"][1] > lines["train_model"][1] > 0
    more = lines["train_model"][0] - measured_lines(narrow)["train_model"][0]
    assert more > 4 * 4995 * (64 + 10)  # the larger model's parameters alone
    found = measured(wide, seconds=0.0)["base-seed0"]
    assert found.parameters == 64 * 5000 + 5000 + 5000 * 10 + 10
    assert found.source == "nominal"
    assert Requests(wide).memory("train_model") < UNKNOWN_MEGABYTES  # by a process of its own


def test_whoever_asks_has_no_torch_in_memory(asked: tuple[Path, int]) -> None:
    """Which the process sees to that asks."""
    assert list(asked[0].rglob("*.json"))  # and it has measured
    assert asked[1] >= LEAST_MEGABYTES
