"""The bootstrap: against scipy's, and honest where there is nothing to be had."""

import numpy as np
import pytest
from scipy.stats import bootstrap

from hydra_steps.evaluation.correlation import spearman
from hydra_steps.evaluation.intervals import bootstrap_interval, bootstrap_variances


def test_agrees_with_scipy_on_a_mean():
    x = np.random.default_rng(1).normal(size=60)
    low, high = bootstrap_interval(lambda at: x[at].mean(-1), 60, resamples=20_000)
    expected = bootstrap((x,), np.mean, method="percentile", n_resamples=20_000, rng=0).confidence_interval
    assert low == pytest.approx(expected.low, abs=0.01)
    assert high == pytest.approx(expected.high, abs=0.01)


def test_agrees_with_scipy_on_a_median():
    x = np.random.default_rng(2).normal(size=40)
    low, high = bootstrap_interval(lambda at: np.median(x[at], axis=1), 40, resamples=5000)
    expected = bootstrap((x,), np.median, method="percentile", n_resamples=5000, rng=0).confidence_interval
    assert low == pytest.approx(expected.low, abs=0.05)
    assert high == pytest.approx(expected.high, abs=0.05)


def test_repeats_and_follows_its_seed():
    x = np.arange(30.0)

    def mean(at):
        return x[at].mean(-1)

    assert bootstrap_interval(mean, 30, seed=4) == bootstrap_interval(mean, 30, seed=4)
    assert bootstrap_interval(mean, 30, seed=4) != bootstrap_interval(mean, 30, seed=5)


def test_the_variance_of_a_mean_is_known():
    x = np.random.default_rng(3).normal(size=20)
    (found,) = bootstrap_variances(lambda at: x[at].mean(-1)[:, None], [20], 1, resamples=20_000)
    assert found == pytest.approx(x.var(ddof=1) / 20, rel=0.05)


def test_strata_keep_their_sizes():
    seen = []
    bootstrap_variances(lambda at: seen.append(at) or np.zeros((len(at), 1)), [3, 7], 1, resamples=50)
    drawn = np.concatenate(seen)
    assert drawn.shape == (50, 10)
    assert drawn[:, :3].max() < 3
    assert drawn[:, 3:].min() >= 3


def test_blocks_do_not_show(monkeypatch):
    x = np.random.default_rng(0).normal(size=20)
    monkeypatch.setattr("hydra_steps.evaluation.intervals.BLOCK_CELLS", 60)
    low, high = bootstrap_interval(lambda at: x[at].mean(-1), 20, resamples=1000)
    assert low < x.mean() < high


@pytest.mark.parametrize("strata", [[], [0], [1], [1, 50], [5, 0]])
def test_nothing_from_one(strata):
    assert np.isnan(bootstrap_variances(lambda at: at.mean(-1)[:, None], strata, 1)).all()
    if len(strata) == 1:
        assert np.isnan(bootstrap_interval(lambda at: at.mean(-1), strata[0])).all()


def test_nothing_where_many_resamples_are_undefined():
    x = np.array([1.0, 2.0])
    assert np.isnan(bootstrap_interval(lambda at: spearman(x[at], x[at]), 2)).all()


def test_shared_resamples_give_each_statistic_its_own_variance():
    x = np.random.default_rng(0).normal(size=25)
    both = bootstrap_variances(
        lambda at: np.stack([x[at].mean(-1), x[at].max(-1)], axis=1), [10, 15], 2, resamples=300, seed=3
    )
    alone = [
        bootstrap_variances(
            lambda at, of=of: of(x[at], axis=-1)[:, None], [10, 15], 1, resamples=300, seed=3
        )[0]
        for of in (np.mean, np.max)
    ]
    assert both == alone
