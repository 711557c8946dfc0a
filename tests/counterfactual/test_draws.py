"""A truth drawn more than once: from the run moved by a hair, and from fresh seeds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hydra_steps.config.designs import check_design
from hydra_steps.counterfactual.draws import MOVE, draws_of
from hydra_steps.counterfactual.fresh import fresh_seed, keep_samples, train_anew
from hydra_steps.counterfactual.outcomes import Outcomes, read_outcomes
from hydra_steps.counterfactual.retraining import retrain_without
from hydra_steps.errors import StudyError
from hydra_steps.process.building import build_process, load_data
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import retrain, run
from hydra_steps.scoring.nearby import score_seed
from hydra_steps.trajectory.store import TrajectoryStore
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import tiny_rates

QUERIES = [
    {"kind": "mean_loss", "split": "test"},
    {"kind": "sample_margin", "split": "validation", "samples": [1]},
]
DESIGN = {"kind": "random_groups", "fraction": 0.05}


def outcomes(trained: Path, folder: Path, first: int = 0, count: int = 4, **more) -> Outcomes:
    arguments = {"design": DESIGN} | more
    retrain_without(
        trajectory=trained / "trajectory",
        splits=trained / "splits.csv",
        labels=trained / "labels.csv",
        queries=QUERIES,
        name="d",
        first=first,
        count=count,
        output=folder / f"{first}",
        bank=folder / "bank",
        **arguments,
    )
    return read_outcomes(folder / f"{first}")


def opened(trained: Path) -> tuple[Trajectory, QuerySet]:
    settings = TrajectoryStore.open(trained / "trajectory").settings
    data = load_data(settings, trained / "splits.csv", trained / "labels.csv")
    base = Trajectory.open(trained / "trajectory", data)
    return base, QuerySet(expand_queries(QUERIES, data), data, base.process)


def test_repeats_are_the_same_training_moved_by_a_hair(trained, tmp_path):
    found, plain = (outcomes(trained, tmp_path / str(r), repeats=r) for r in (2, 0))
    assert np.array_equal(found.value, plain.value)
    assert np.array_equal(found.base_value, plain.base_value)
    assert plain.draws.shape == (1, 4, 2)
    assert found.draws.shape == (3, 4, 2)
    assert np.array_equal(found.draws[0], found.value)
    base, queries = opened(trained)
    start = base.process.initial_state().parameters
    for number, draw in enumerate(draws_of(base, 2, 0)):
        apart = draw.base.process.initial_state().parameters / start - 1
        assert bool(number) == bool(apart.any())
        assert apart.abs().max() < 10 * MOVE
        whole = retrain(draw.base.process, base.rates, [])
        expected = queries.values(whole).numpy()
        assert found.base_draws[number] == pytest.approx(expected, rel=1e-5)
        for group, removed in enumerate(found.removed):
            after = queries.values(retrain(draw.base.process, base.rates, torch.from_numpy(removed)))
            assert found.draws[number, group] == pytest.approx(after.numpy(), rel=1e-4, abs=1e-5)
    assert 0 < np.abs(found.draws[1] - found.draws[0]).max() < 1e-2


def test_fresh_seeds_are_trainings_of_their_own_and_their_mean_counts(trained, tmp_path):
    found = outcomes(trained, tmp_path, design=DESIGN | {"seeds": 2})
    base, queries = opened(trained)
    assert found.value == pytest.approx(found.draws.mean(0))
    assert found.base_value == pytest.approx(found.base_draws.mean(0))
    for number in range(2):
        seed = fresh_seed(base.process.seed, number)
        assert seed != score_seed(base.process.seed, number)
        process = build_process(replace(base.process.settings, seed=seed), base.data)
        after = queries.values(retrain(process, tiny_rates(process), torch.from_numpy(found.removed[1])))
        assert found.draws[number, 1] == pytest.approx(after.numpy(), rel=1e-4, abs=1e-5)
    assert np.abs(found.draws[1] - found.draws[0]).max() > 1e-2


def test_batches_agree_and_the_bank_knows_the_draws_apart(trained, tmp_path):
    whole = outcomes(trained, tmp_path / "whole", repeats=1)
    parts = [outcomes(trained, tmp_path / "parts", first, 2, repeats=1) for first in (0, 2)]
    assert np.array_equal(np.concatenate([part.draws for part in parts], 1), whole.draws)
    assert all(np.array_equal(part.base_draws, whole.base_draws) for part in parts)
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "whole" / "bank").iterdir()}
    assert len(kept) == 4 + 5  # the run's groups, and of the draw its groups and its own training
    again = outcomes(trained, tmp_path / "whole", repeats=1)
    assert np.array_equal(again.draws, whole.draws)
    assert kept == {path: path.stat().st_mtime_ns for path in (tmp_path / "whole" / "bank").iterdir()}


@pytest.mark.parametrize("more", [{}, {"seeds": 1}])
def test_a_window_leaves_groups_out_from_there_on(trained, tmp_path, more):
    base, queries = opened(trained)
    first = base.process.steps - base.process.steps_per_epoch
    plain = outcomes(trained, tmp_path, design=DESIGN | more)
    for window in ({"last_epochs": 1}, {"from_step": first}):
        found = outcomes(trained, tmp_path, design=DESIGN | more | {"window": window})
        for number, draw in enumerate(draws_of(base, 0, more.get("seeds", 0))):
            process, state = draw.base.process, draw.base.state(first)
            for group, removed in enumerate(found.removed):
                weights = torch.ones(process.samples, dtype=process.dtype)
                weights[removed] = 0
                after = queries.values(run(process, state, draw.base.rates, first, weights=weights))
                assert found.draws[number, group] == pytest.approx(after.numpy(), rel=1e-4, abs=1e-5)
        assert found.base_value == pytest.approx(plain.base_value, rel=1e-5)
        assert np.abs(found.value - plain.value).max() > 1e-4


@pytest.mark.parametrize("more", [{}, {"seeds": 1}])
def test_a_training_on_the_rest_is_one_of_the_data_without_the_group(trained, tmp_path, more):
    base, queries = opened(trained)
    plain = outcomes(trained, tmp_path, design=DESIGN | more, repeats=1)
    found = outcomes(trained, tmp_path, design=DESIGN | more | {"by": "subset"}, repeats=1)
    # Trained by itself, bit by bit; with others at once in the plain design, up to round-off.
    for number, draw in enumerate(draws_of(base, 1, more.get("seeds", 0))):
        whole = draw.base.process
        alone = draw.base.final_state if not draw.name else run(whole, draw.base.state(0), draw.base.rates)
        assert np.array_equal(found.base_draws[number], queries.values(alone).numpy())
    assert found.base_draws == pytest.approx(plain.base_draws, rel=1e-6)
    assert np.abs(found.value - plain.value).max() > 1e-3
    if more:
        seed = fresh_seed(base.process.seed, 0)
    else:
        seed = base.process.seed
        moved = np.abs(found.draws[1] - found.draws[0])
        assert 0 < moved.max() < 1e-2
    left = keep_samples(base.data, np.setdiff1d(np.arange(60), found.removed[2]))
    process, state = train_anew(base.process.settings, left, seed)
    assert process.samples == 57
    assert found.draws[0, 2] == pytest.approx(queries.values(state).numpy(), rel=1e-6)


def test_a_subset_has_no_window():
    spec = {
        "kind": "random_groups",
        "groups": 2,
        "fraction": 0.1,
        "by": "subset",
        "window": {"last_epochs": 1},
    }
    with pytest.raises(StudyError, match=r"designs\.d\.by: a training on the subset has no step in common"):
        check_design("d", spec, 60, [], [])
