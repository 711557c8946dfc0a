"""Re-training without groups, on a tiny real run: the same as from scratch, resumable, shared, extended."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from hydra_steps.counterfactual import retrainer as retrainer_module
from hydra_steps.counterfactual.bank import Bank
from hydra_steps.counterfactual.outcomes import read_outcomes
from hydra_steps.counterfactual.retrainer import Outcome, Retrainer
from hydra_steps.counterfactual.retraining import retrain_without
from hydra_steps.errors import StudyError
from hydra_steps.process.building import load_data
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import retrain, run
from hydra_steps.scoring.store import write_scores
from hydra_steps.trajectory.manifest import read_manifest
from hydra_steps.trajectory.store import TrajectoryStore
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.queries import queries_named

QUERIES = [
    {"kind": "mean_loss", "split": "test"},
    {"kind": "sample_margin", "split": "validation", "samples": [1]},
]
DESIGN = {"kind": "random_groups", "fraction": 0.05}


def batch(trained: Path, output: Path, bank: Path, first: int = 0, count: int = 4, **more) -> Path:
    arguments = {"queries": QUERIES, "name": "d", "design": DESIGN} | more
    retrain_without(
        trajectory=trained / "trajectory",
        splits=trained / "splits.csv",
        labels=trained / "labels.csv",
        first=first,
        count=count,
        output=output,
        bank=bank,
        **arguments,
    )
    return output


def opened(trained: Path) -> tuple[Trajectory, QuerySet, Retrainer]:
    settings = TrajectoryStore.open(trained / "trajectory").settings
    data = load_data(settings, trained / "splits.csv", trained / "labels.csv")
    base = Trajectory.open(trained / "trajectory", data)
    queries = QuerySet(expand_queries(QUERIES, data), data, base.process)
    return base, queries, Retrainer(base, queries, data.test.inputs, data.test.targets)


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("size", [1, 16])
def test_the_same_as_training_from_scratch(trained, tmp_path, monkeypatch, size):
    """Bit for bit one by one, up to round-off together: far below what a removal does."""
    monkeypatch.setattr(retrainer_module, "at_once", lambda process: size)
    found = read_outcomes(batch(trained, tmp_path / "d" / "0", tmp_path / "bank"))
    base, queries, retrainer = opened(trained)
    assert found.names == tuple(queries.names) == ("test_mean", "validation_margin_1")
    assert np.array_equal(found.base_value, queries.values(base.final_state).numpy())
    for i, removed in enumerate(found.removed):
        state = retrain(base.process, base.rates, torch.from_numpy(removed))
        alone = retrainer.outcome(removed)
        assert np.array_equal(alone.value, queries.values(state).numpy())
        if size == 1:
            assert np.array_equal(found.value[i], alone.value)
        assert np.abs(found.value[i] - alone.value).max() < 1e-3 * np.abs(found.change).min()
        assert found.test_metric[i] == alone.test_metric
        assert found.final_loss[i] == pytest.approx(alone.final_loss, rel=1e-5)
    assert (found.change != 0).all()
    assert found.attributes["trajectory_digest"] == read_manifest(trained / "trajectory")["digest"]
    assert found.attributes["kind"] == "random_groups"


def test_nothing_removed_is_the_run_itself(trained):
    base, queries, retrainer = opened(trained)
    outcome = retrainer.outcome(np.zeros(0, np.int64))
    assert np.array_equal(outcome.value, queries.values(base.final_state).numpy())


def test_it_starts_at_the_last_checkpoint_before_the_sample(trained):
    base, _, retrainer = opened(trained)
    steps = base.process.steps_per_epoch
    late = base.process.table[steps - 1][:1]  # in the first epoch's last batch
    assert 0 < retrainer.first_step(late) <= steps - 1
    assert retrainer.first_step(late) in base.checkpoints
    assert retrainer.first_step(base.process.table[0][:1]) == 0
    one = run(base.process, base.process.initial_state(), base.rates, weights=_without(base, late))
    assert np.array_equal(retrainer.outcome(late).value, retrainer.measured(one).value)


def test_final_loss_is_that_of_the_kept_samples(trained):
    base, _, retrainer = opened(trained)
    removed = np.array([3, 4, 5])
    losses = {}

    def observe(step, state, rate, batch_losses, gradient):
        for n, loss in zip(base.process.table[step], batch_losses.tolist(), strict=False):
            losses[int(n)] = loss  # the last epoch overwrites

    run(
        base.process,
        base.process.initial_state(),
        base.rates,
        weights=_without(base, removed),
        observe=observe,
    )
    expected = np.mean([loss for n, loss in losses.items() if n not in removed])
    assert retrainer.outcome(removed).final_loss == pytest.approx(expected)


def test_batches_of_any_size_give_the_same_outcomes(trained, tmp_path):
    whole = read_outcomes(batch(trained, tmp_path / "a" / "0", tmp_path / "bank_a", 0, 4))
    for first in (0, 2):
        part = read_outcomes(batch(trained, tmp_path / "b" / str(first), tmp_path / "bank_b", first, 2))
        assert np.array_equal(part.value, whole.value[first : first + 2])
        assert all(np.array_equal(part.removed[i], whole.removed[first + i]) for i in range(2))
        assert part.group.tolist() == [first, first + 1]


def test_what_is_in_the_bank_is_not_done_again(trained, tmp_path, monkeypatch):
    first = batch(trained, tmp_path / "a" / "0", tmp_path / "bank", 0, 2)
    done = []
    outcomes = Retrainer.outcomes
    monkeypatch.setattr(Retrainer, "outcomes", lambda self, r: done.extend(r) or outcomes(self, r))
    again = batch(trained, tmp_path / "b" / "0", tmp_path / "bank", 0, 2)
    assert not done
    assert files(first) == files(again)
    batch(trained, tmp_path / "c" / "0", tmp_path / "bank", 0, 4)
    assert len(done) == 2
    batch(trained, tmp_path / "e" / "0", tmp_path / "bank", 0, 1, queries=QUERIES[:1])
    assert len(done) == 3


KILLED = """
import sys
from pathlib import Path
from tests_retraining import batch
batch(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), 0, 40)
"""


def test_a_killed_job_continues(trained, tmp_path):
    uninterrupted = batch(trained, tmp_path / "a" / "0", tmp_path / "bank_a", 0, 40)
    bank, output = tmp_path / "bank_b", tmp_path / "b" / "0"
    (tmp_path / "tests_retraining.py").write_bytes(Path(__file__).read_bytes())
    job = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(trained), str(output), str(bank)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{Path(__file__).parents[2]}"},
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while len(list(bank.glob("*.json"))) < 3 and job.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    job.send_signal(signal.SIGKILL)
    assert job.wait() == -signal.SIGKILL
    assert not output.exists()
    kept = {p: p.stat().st_mtime_ns for p in bank.glob("*.json")}
    assert 3 <= len(kept) < 40
    batch(trained, output, bank, 0, 40)
    assert {p: p.stat().st_mtime_ns for p in kept} == kept
    assert files(output) == files(uninterrupted)


def test_single_samples_by_a_score(trained, tmp_path):
    c = np.random.default_rng(0).normal(size=(1, 60))
    write_scores(tmp_path / "m", c, queries_named(["test_mean"]), {"method": "m", "unit": "query"})
    spec = {"kind": "leave_one_out", "choice": "largest", "method": "m", "query": "test_mean"}
    output = batch(trained, tmp_path / "d" / "0", tmp_path / "bank", 0, 2, design=spec, scores=tmp_path / "m")
    found = read_outcomes(output)
    assert [r.tolist() for r in found.removed] == [[n] for n in np.argsort(-abs(c[0]))[:2]]
    assert found.attributes["fraction"] == pytest.approx(1 / 60)
    wrong = spec | {"query": "test_meen"}
    with pytest.raises(StudyError, match="did you mean 'test_mean'"):
        batch(trained, tmp_path / "e" / "0", tmp_path / "bank", design=wrong, scores=tmp_path / "m")


def test_a_group_that_empties_a_class_is_refused_before_any_training(trained, tmp_path):
    with pytest.raises(StudyError, match=r"takes all \d+ training samples of class"):
        batch(trained, tmp_path / "d" / "0", tmp_path / "bank", design=DESIGN | {"fraction": 0.95})
    assert not list((tmp_path).rglob("*.json"))


def test_bank_round_trip_and_damage(tmp_path):
    bank = Bank(tmp_path, {"trajectory": "t"})
    outcome = Outcome(np.array([1 / 3, -np.inf]), 2 / 3, float("nan"))
    assert bank.read([1, 5]) is None
    made = []
    for _ in range(2):
        entry = bank.get([1, 5], lambda: made.append(1) or outcome.as_json())
        found = Outcome.from_json(entry)
        assert np.array_equal(found.value, outcome.value)
        assert found.test_metric == 2 / 3
        assert np.isnan(found.final_loss)
    assert len(made) == 1
    assert Bank(tmp_path, {"trajectory": "u"}).read([1, 5]) is None
    assert bank.read([15]) is None
    (path,) = tmp_path.glob("*.json")
    path.write_text(path.read_text()[:20])
    assert bank.read([1, 5]) is None


def test_an_entry_of_another_bank_or_another_digit_is_made_anew(tmp_path):
    bank, other = Bank(tmp_path / "a", {"trajectory": "t"}), Bank(tmp_path / "b", {"trajectory": "u"})
    for one, value in ((bank, 0.25), (other, 0.5)):
        one.write([1, 5], {"value": value})
    (path,), (foreign,) = ((tmp_path / name).glob("*.json") for name in "ab")
    whole = path.read_text()
    path.write_text(foreign.read_text())
    assert bank.read([1, 5]) is None
    path.write_text(whole.replace("0.25", "0.26"))
    assert bank.read([1, 5]) is None
    path.write_text(whole)
    assert bank.read([1, 5]) == {"value": 0.25}


def _without(base: Trajectory, removed: np.ndarray) -> torch.Tensor:
    weights = torch.ones(base.process.samples)
    weights[torch.from_numpy(removed).long()] = 0
    return weights
