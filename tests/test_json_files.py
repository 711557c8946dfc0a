"""Every JSON file that is read back, damaged in every way that one can think of: one message, never a traceback."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hydra_steps.benchmark.speed_summary import read_machine
from hydra_steps.counterfactual.bank import Bank
from hydra_steps.counterfactual.outcomes import read_outcomes, write_outcomes
from hydra_steps.data.fetch import fetch_data
from hydra_steps.errors import StudyError
from hydra_steps.evaluation.training import describe_training
from hydra_steps.json_files import NUMBER, TEXT, read_json, read_json_if_whole
from hydra_steps.report.write_report import _digests
from hydra_steps.scoring.score_samples import training_seconds
from hydra_steps.scoring.store import read_queries, read_scores, write_scores
from hydra_steps.stores import read_extra
from hydra_steps.trajectory.store import TrajectoryStore
from hydra_steps.trajectory.writer import TrajectoryWriter
from tests.helpers.artifacts import located
from tests.helpers.queries import queries_named

TEXTS = (b"", b"{", b"[1, 2]", b'"text"', b"null", b"7", b"{}", b"\xff\xfe\x00", b"[" * 100_000, b"{}{}")
VALUES: tuple[Any, ...] = (None, [], "x", -1, {"x": 1})


def damages(content: bytes) -> Iterator[bytes]:
    """Other texts, and the object with one of its members, or of theirs, gone or replaced."""
    yield from TEXTS
    for length in (1, len(content) // 2, len(content) - 3):
        yield content[:length]
    whole = json.loads(content)
    inner = [(name,) for name in whole] + [
        (name, other) for name, value in whole.items() if isinstance(value, dict) for other in value
    ]
    for path in inner:
        for value in (..., *VALUES):
            changed = json.loads(content)
            place = changed if len(path) == 1 else changed[path[0]]
            if value is ...:
                del place[path[-1]]
            else:
                place[path[-1]] = value
            yield json.dumps(changed).encode()


def check(folder: Path, read: Callable[[], object], files: str = "*.json") -> int:
    """Damage each JSON file below ``folder`` in turn; return how often reading was refused."""
    refused = 0
    found = sorted(path for path in folder.rglob(files) if path.is_file())
    assert found
    for path in found:
        content = path.read_bytes()
        for damaged in damages(content):
            path.write_bytes(damaged)
            with suppress(StudyError):
                read()
                continue
            refused += 1
        path.write_bytes(content)
    read()
    return refused


def test_scores(tmp_path: Path) -> None:
    about = {"method": "hydra_exact", "unit": "query", "options": {"damping": 0.1}, "seconds": 1.5}
    contribution = np.random.default_rng(0).normal(size=(2, 7))
    path = tmp_path / "scores"
    write_scores(path, contribution, queries_named(["a", "b"]), about, {"tracked": np.arange(3)})

    def read() -> None:
        found = read_scores(path)
        assert np.array_equal(found.contribution, contribution)
        assert [query.name for query in found.queries] == ["a", "b"]
        assert found.has_unit
        assert read_queries(path) == found.queries
        tracked = read_extra(path, "tracked")
        assert tracked is not None
        assert tracked.tolist() == [0, 1, 2]

    assert check(path, read) > 200


def test_outcomes(tmp_path: Path) -> None:
    write_outcomes(
        tmp_path / "outcomes",
        queries=queries_named(["a"]),
        group=[0, 1],
        removed=[np.array([1]), np.array([2, 3])],
        value=np.ones((2, 1)),
        base_value=np.ones(1),
        test_metric=np.ones(2),
        final_loss=np.ones(2),
        attributes={"design": "d", "kind": "random_groups", "fraction": 0.1},
    )
    refused = [
        check(tmp_path / "outcomes", lambda: read_outcomes(tmp_path / "outcomes").change.sum(), files)
        # of the eight arrays two: all are read in one way
        for files in ("manifest.json", "store.zarr/zarr.json", "removed/zarr.json", "value/zarr.json")
    ]
    assert min(refused) > 20
    assert sum(refused) > 200


def test_trajectory(trained: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(trained / "trajectory", tmp_path / "base-seed1" / "trajectory"))

    def read() -> None:
        seconds = training_seconds(folder)
        assert isinstance(seconds, float)
        TrajectoryStore.open(folder).verify()

    for files in ("manifest.json", "timing.json"):
        assert check(folder, read, files) > 20
    description = folder / "store.zarr" / "loss"
    assert check(description, read) > 30


def test_tables_and_report_of_a_trajectory(trained: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(trained / "trajectory", tmp_path / "runs" / "base-seed1" / "trajectory"))

    def read() -> None:
        describe_training([located(folder)], tmp_path / "training.csv")
        assert _digests([folder / "manifest.json"])

    for part in ("store.zarr/epoch", "store.zarr/epoch_train_loss"):
        assert check(folder / part, read) > 30
    assert check(folder, read, "manifest.json") > 5


def test_journal_of_a_training(tmp_path: Path) -> None:
    layout = {"steps": 4, "batch_size": 2, "dtype": "float32", "parameters": 3, "slots": 1, "buffers": 0}
    arguments = {"attributes": {"seed": 1}, **layout, "checkpoints": (0, 2, 4)}
    state = (np.ones(3, np.float32), np.ones((1, 3), np.float32), np.ones(0, np.float32))
    scratch = tmp_path / "scratch"
    with TrajectoryWriter.create(scratch, **arguments) as writer:
        writer.checkpoint(0, *state)
        for step in (1, 2):
            writer.record(step, batch=np.zeros(2), learning_rate=0.1, loss=1.0, gradient_norm=1.0)
        writer.checkpoint(2, *state)
    kept = Path(shutil.copytree(tmp_path, tmp_path.with_name("kept")))

    def read() -> None:
        resumed = TrajectoryWriter.resume(scratch, **arguments)
        if resumed is not None:
            resumed[0].close()
        journal = (tmp_path / "scratch.journal.json").read_bytes()
        shutil.rmtree(scratch)
        shutil.copytree(kept / "scratch", scratch)
        (tmp_path / "scratch.journal.json").write_bytes(journal)

    check(tmp_path, read, "scratch.journal.json")


def test_bank_of_trainings(tmp_path: Path) -> None:
    bank = Bank(tmp_path, {"code": "1"})
    bank.write([1, 2], {"value": 0.5})

    def read() -> None:
        assert bank.get([1, 2], lambda: {"value": 0.5})["value"] == 0.5

    check(tmp_path, read)


def test_data_that_are_there(tmp_path: Path) -> None:
    fetch_data("digits", tmp_path)
    check(tmp_path / "digits", lambda: fetch_data("digits", tmp_path))


def test_machine_of_a_timing_study(tmp_path: Path) -> None:
    machine = {
        **{"model": "mlp", "processor": "p", "device": "cpu", "batch_size": 4, "cores": 2, "threads": 1},
        **{"versions": {"torch": "2"}, "load_average_before": [1.0], "load_average_after": [1.0]},
        "left_out": [["a", "b", 1, 2, "", "", "", 3.0]],
    }
    (tmp_path / "machine.json").write_text(json.dumps(machine))
    assert check(tmp_path, lambda: read_machine(tmp_path / "machine.json")["versions"]["torch"]) > 40


def test_a_message_names_file_member_and_remedy(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"seconds": "long", "name": "x"}')
    with pytest.raises(StudyError) as refused:
        read_json(path, {"seconds": NUMBER, "name": TEXT}, "train again")
    assert str(refused.value) == (
        f"{path}, member seconds: 'long' is not of type 'number'; expected: an object with seconds, name; "
        "what to do: train again"
    )
    path.write_text("[1]")
    with pytest.raises(StudyError, match="is not of type 'object'"):
        read_json(path, {}, "")
    path.unlink()
    with pytest.raises(StudyError, match="is missing"):
        read_json(path, {}, "")
    assert read_json_if_whole(path) is None
