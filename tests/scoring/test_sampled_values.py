"""Values by sampled trainings against exact enumeration of all subsets and orders; regressions against slow twins."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, permutations
from math import comb

import numpy as np
import pytest
import torch
from scipy.special import beta as beta_function
from torch import Tensor

from hydra_steps.errors import Diverged, Unsuited
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import retrain, run
from hydra_steps.scoring import data_banzhaf as banzhaf_module
from hydra_steps.scoring import semivalues
from hydra_steps.scoring.data_banzhaf import coin_subsets, data_banzhaf, leave_one_out
from hydra_steps.scoring.datamodel import PENALTIES, datamodel, random_groups
from hydra_steps.scoring.in_run_shapley import in_run_shapley
from hydra_steps.scoring.semivalues import beta_shapley, beta_weights, data_shapley
from hydra_steps.scoring.subset_outcomes import SubsetOutcomes
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import relative_error, tiny_data, tiny_process

SPECS = [{"kind": "mean_loss", "split": "test"}, {"kind": "sample_margin", "split": "test", "samples": [2]}]
FEW = 5


def made(samples=FEW, optimizer="momentum", **more) -> tuple[Trajectory, QuerySet]:
    data = more.pop("data", None) or tiny_data(samples)
    process, _, rates = tiny_process(optimizer, data=data, **more)
    queries = QuerySet(expand_queries(SPECS, data), data, process)
    return replace(Trajectory.in_memory(process, rates), data=data), queries


def game(trajectory: Trajectory, queries: QuerySet) -> dict[frozenset[int], Tensor]:
    """f_q [q] of training on every subset, one by one."""
    everyone, process = range(trajectory.process.samples), trajectory.process
    return {
        frozenset(subset): queries.values(retrain(process, trajectory.rates, sorted({*everyone} - {*subset})))
        for size in range(len(everyone) + 1)
        for subset in combinations(everyone, size)
    }


@pytest.fixture(scope="module")
def enumerated():
    trajectory, queries = made()
    return trajectory, queries, game(trajectory, queries)


def semivalue(value: dict[frozenset[int], Tensor], share: list[float]) -> Tensor:
    """Σ over the subsets S of the others of ``share[|S|]`` (f(S) − f(S with n)) [q, n]."""
    samples = max(len(subset) for subset in value)
    rows = []
    for n in range(samples):
        without = [subset for subset in value if n not in subset]
        rows.append(sum(share[len(s)] * (value[s] - value[s | {n}]) for s in without))
    return torch.stack(rows, 1)


def shapley(value: dict[frozenset[int], Tensor]) -> Tensor:
    samples = max(len(subset) for subset in value)
    return semivalue(value, [1 / (samples * comb(samples - 1, size)) for size in range(samples)])


@pytest.mark.parametrize("statistics", ["all", "weighted"])
def test_outcomes_of_subsets_are_those_of_single_trainings(statistics):
    trajectory, queries = made(7, variant="batch_norm", batch_norm_statistics=statistics)
    members = torch.tensor(np.random.default_rng(0).random((9, 7)) < 0.5)
    outcomes = SubsetOutcomes(trajectory, queries)
    assert outcomes.at_once > 1
    for row, found in zip(members, outcomes(members), strict=True):
        expected = queries.values(retrain(trajectory.process, trajectory.rates, (~row).nonzero().flatten()))
        assert relative_error(found, expected) <= 1e-9
    assert outcomes.trainings == 9


def every_order(monkeypatch: pytest.MonkeyPatch) -> int:
    orders = list(permutations(range(FEW)))
    monkeypatch.setattr(semivalues, "permutation", lambda seed, own, k, n: torch.tensor(orders[k]))
    return len(orders)


def test_over_all_orders_data_shapley_is_the_shapley_value(enumerated, monkeypatch):
    trajectory, queries, value = enumerated
    found = data_shapley(trajectory, queries, permutations=every_order(monkeypatch))
    assert relative_error(found.values, shapley(value)) <= 1e-10
    assert found.diagnostics["subset_trainings"] == 120 * (FEW - 1) + 2


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (4.0, 1.0), (1.0, 16.0)])
def test_over_all_orders_beta_shapley_is_its_semivalue(enumerated, monkeypatch, alpha, beta):
    trajectory, queries, value = enumerated
    found = beta_shapley(trajectory, queries, alpha=alpha, beta=beta, permutations=every_order(monkeypatch))
    share = [beta_function(s + beta, FEW - 1 - s + alpha) / beta_function(alpha, beta) for s in range(FEW)]
    assert relative_error(found.values, semivalue(value, share)) <= 1e-10
    assert beta_weights(FEW, alpha, beta).mean() == pytest.approx(1.0)


def test_over_all_subsets_data_banzhaf_is_the_banzhaf_value(enumerated, monkeypatch):
    trajectory, queries, value = enumerated
    members = torch.tensor([[n in subset for n in range(FEW)] for subset in value])
    monkeypatch.setattr(banzhaf_module, "coin_subsets", lambda *_: members)
    found = data_banzhaf(trajectory, queries, subsets=len(members)).values
    assert relative_error(found, semivalue(value, [2.0 ** (1 - FEW)] * FEW)) <= 1e-10


def test_a_sample_of_orders_and_subsets_is_within_its_own_error(enumerated):
    """Over 5 samples, 2 queries and 20 draws of the whole estimate: errors of the size that is said."""
    trajectory, queries, value = enumerated
    truths = {data_shapley: shapley(value), data_banzhaf: semivalue(value, [2.0 ** (1 - FEW)] * FEW)}
    for score, options in ((data_shapley, {"permutations": 24}), (data_banzhaf, {"subsets": 48})):
        off = []
        for seed in range(20):
            found = score(trajectory, queries, seed=seed, **options)
            off.append((found.values - truths[score]) / torch.from_numpy(found.arrays["standard_error"]))
        off = torch.stack(off)
        assert 0.6 < off.square().mean().sqrt() < 1.5, score
        assert off.abs().max() < 6


def test_data_shapley_adds_up_and_is_another_for_another_seed():
    trajectory, queries = made(8)
    found = data_shapley(trajectory, queries, permutations=4)
    process = trajectory.process
    none = queries.values(retrain(process, trajectory.rates, range(8)))
    everyone = queries.values(run(process, process.initial_state(), trajectory.rates))
    assert relative_error(found.values.sum(1), none - everyone) <= 1e-10
    assert (
        relative_error(data_shapley(trajectory, queries, permutations=4, seed=1).values, found.values) > 0.01
    )
    more = data_shapley(trajectory, queries, permutations=6).values
    assert relative_error(more, found.values) > 0.01


def test_truncation_saves_trainings_and_costs_little():
    trajectory, queries = made(12, epochs=6)
    whole, part, none = (data_shapley(trajectory, queries, permutations=8, truncation=t) for t in (0, 0.1, 1))
    assert part.diagnostics["subset_trainings"] < whole.diagnostics["subset_trainings"]
    assert relative_error(part.values, whole.values) < 0.3
    gap = (part.values.sum(1) - whole.values.sum(1)).abs()
    assert torch.all(gap <= 0.1 * whole.values.sum(1).abs() + 1e-12)
    assert not none.values.any()
    assert none.diagnostics["subset_trainings"] == 2


@pytest.mark.parametrize(
    ("score", "options"),
    [
        (data_shapley, {"permutations": 4}),
        (beta_shapley, {"permutations": 4}),
        (data_banzhaf, {"subsets": 8}),
        (leave_one_out, {}),
        (in_run_shapley, {"order": 2}),
    ],
)
def test_a_sample_that_is_never_seen_gets_nothing(score, options):
    trajectory, queries = made(7, batch_size=2, epochs=1, sampling="with_replacement")
    unseen = sorted(set(range(7)) - set(trajectory.process.table.flatten().tolist()))
    assert unseen
    found = score(trajectory, queries, **options)
    # Of random halves a sample's mean with and without differ by chance: there the error says so.
    error = torch.from_numpy(found.arrays.get("standard_error", np.zeros((2, 7))))
    limit = 5 * error[:, unseen] if score is data_banzhaf else 1e-12
    assert torch.all(found.values[:, unseen].abs() <= limit)


def test_equal_samples_are_worth_the_same(monkeypatch):
    data = tiny_data(FEW)
    for rows in (data.train.inputs, data.train.targets):
        rows[4] = rows[3]
    trajectory, queries = made(data=data, batch_size=FEW)
    found = data_shapley(trajectory, queries, permutations=every_order(monkeypatch)).values
    assert relative_error(found[:, 4], found[:, 3]) <= 1e-10
    alone = leave_one_out(trajectory, queries).values
    assert relative_error(alone[:, 4], alone[:, 3]) <= 1e-10


def test_leave_one_out_is_retraining(enumerated):
    trajectory, queries, value = enumerated
    everyone = frozenset(range(FEW))
    expected = torch.stack([value[everyone - {n}] - value[everyone] for n in range(FEW)], 1)
    assert relative_error(leave_one_out(trajectory, queries).values, expected) <= 1e-10


def test_a_datamodel_is_the_ridge_that_leaves_out_best():
    """The twin fits every penalty again without each training."""
    trajectory, queries = made(9)
    found = datamodel(trajectory, queries, subsets=14, fraction=1 / 3)
    removed = random_groups(trajectory.process.seed, 0, 14, 3, 9)
    assert torch.all(removed.sum(1) == 3)
    outcomes = SubsetOutcomes(trajectory, queries)(~removed)
    for q in range(2):
        x, y = removed.double().numpy(), outcomes[:, q].numpy()
        errors = []
        for penalty in PENALTIES:
            left = [
                y[k] - _ridge(np.delete(x, k, 0), np.delete(y, k), penalty) @ [1, *x[k]] for k in range(14)
            ]
            errors.append(np.square(left).mean())
        best = PENALTIES[int(np.argmin(errors))]
        assert found.diagnostics["penalty"][queries.names[q]] == pytest.approx(best)
        assert relative_error(found.values[q], torch.from_numpy(_ridge(x, y, best)[1:])) <= 1e-8


def _ridge(x: np.ndarray, y: np.ndarray, penalty: float) -> np.ndarray:
    """Intercept and coefficients that minimise ‖y − a − x c‖² + penalty ‖c‖²."""
    wide = np.concatenate([np.ones((len(x), 1)), x], 1)
    square = wide.T @ wide + penalty * np.diag([0.0, *np.ones(x.shape[1])])
    solution: np.ndarray = np.linalg.solve(square, wide.T @ y)
    return solution


def test_a_datamodel_of_nobody_is_refused():
    trajectory, queries = made(9)
    with pytest.raises(Unsuited, match=r"without 0\.01 of 9 samples are without 0; expected: 1 to 8"):
        datamodel(trajectory, queries, fraction=0.01)


def test_trainings_that_end_in_no_number_are_named():
    trajectory, queries = made(4)
    trajectory.rates = [1e200] * trajectory.steps
    with pytest.raises(
        Diverged, match=r"a training on 3 of 4 samples ends with a value of test_mean that is not"
    ):
        leave_one_out(trajectory, queries)


def test_subsets_come_with_their_complements_and_more_extend_fewer():
    few, many = coin_subsets(3, 0, 5, 9), coin_subsets(3, 0, 8, 9)
    assert torch.equal(few, many[:5])
    assert torch.equal(many[::2], ~many[1::2])
    assert not torch.equal(many, coin_subsets(3, 1, 8, 9))
