"""The statistics of an audit on made-up rankings, whose truth is known."""

from functools import cache

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import average_precision_score

from hydra_steps.audit.amount import to_look_at, wrong_labels
from hydra_steps.audit.blends import RANKS, STACK
from hydra_steps.audit.chances import Bin, calibrate, calibration_error, reliability
from hydra_steps.audit.copies import Judged
from hydra_steps.audit.judge import SURE_FROM, Verdict, judge
from hydra_steps.audit.suspicion import suspicion
from hydra_steps.audit.trust import choose, compare

CLEAN, WRONG = norm(0, 1), norm(-3.5, 1)  # contributions


def made(seed: int, samples: int = 1000, wrong: int = 60, copies: int = 4, rate: float = 0.05):
    """The data and their copies as two methods of unequal skill see them; and which labels are wrong."""
    stream = np.random.default_rng(seed)
    bad = np.zeros(samples, bool)
    bad[stream.choice(samples, wrong, replace=False)] = True
    label = np.zeros(samples, np.int64)

    def seen(run: str, planted: np.ndarray) -> Judged:
        place = np.where(bad | planted, WRONG.mean(), CLEAN.mean())
        good, poor = (place + spread * stream.standard_normal(samples) for spread in (1.0, 2.5))
        ranked = {"good": suspicion(good, planted), "poor": suspicion(poor, planted)}
        return Judged(run, label, planted, ranked)

    rows = [stream.permutation(samples)[: round(rate * samples)] for _ in range(copies)]
    flags = [np.isin(np.arange(samples), row) for row in rows]
    return seen("data", np.zeros(samples, bool)), [seen(f"copy {i}", f) for i, f in enumerate(flags)], bad


@cache
def judged(seed: int) -> tuple[Verdict, np.ndarray]:
    """What is said of the data of a seed, and which labels are wrong."""
    data, copies, bad = made(seed)
    return judge(data, copies, blends=False), bad


def test_suspicion_is_uniform_over_what_was_left_alone_and_counts_ties_half():
    stream = np.random.default_rng(0)
    planted = stream.random(500) < 0.1
    u = suspicion(stream.standard_normal(500), planted)
    assert np.allclose(np.sort(u[~planted]), (np.arange((~planted).sum()) + 0.5) / (~planted).sum())
    assert suspicion(np.zeros(4), np.array([True, False, False, False])).tolist() == [0.5] * 4


def test_the_number_of_wrong_labels_is_in_its_interval():
    inside = 0
    for seed in range(40):
        verdict, bad = judged(seed)
        amount = verdict.amount
        inside += amount.low <= bad.sum() <= amount.high
    assert inside >= 36


def test_right_labels_that_look_wrong_widen_the_interval_downwards():
    """Of the right labels 120 stand among the wrong ones: without the smallest share of the planted ones
    the interval is too high in 9 of 20."""
    inside = 0
    for seed in range(20):
        stream = np.random.default_rng(seed)
        wrong, hard, right, planted = (
            stream.normal(mean, spread, n)
            for mean, spread, n in ((-3.5, 1.5, 60), (-2.5, 1, 120), (0, 1, 820), (-3.5, 1.5, 200))
        )
        everything = np.concatenate([wrong, hard, right, planted])
        places = suspicion(everything, np.arange(1200) >= 1000)[1000:]
        amount = wrong_labels(places, 1000)
        assert amount is not None
        inside += amount.low <= 60 <= amount.high
    assert inside >= 18


def test_where_planted_labels_are_found_badly_the_number_is_a_limit():
    data, copies, bad = made(4, wrong=20)

    def poorly(one: Judged) -> Judged:
        return Judged(one.run, one.label, one.planted, {"poor": one.by_method["poor"]})

    poor = judge(poorly(data), [poorly(copy) for copy in copies], blends=False)
    assert poor.trusted.precision["poor"].mean() < SURE_FROM
    assert poor.amount.low == 0
    assert poor.amount.high >= bad.sum()
    good = judge(data, copies, blends=False)
    assert good.trusted.precision["good"].mean() >= SURE_FROM
    assert 0 < good.amount.low <= bad.sum()


def test_the_number_follows_the_truth():
    values = [judge(*made(3, wrong=wrong)[:2], blends=False).amount.value for wrong in (20, 60, 180)]
    assert values[0] < 40 < values[1] < 100 < values[2] < 260


def test_no_wrong_labels_are_few():
    amount = wrong_labels(np.full(40, 0.0001), 2000)
    assert amount is not None
    assert amount.low <= 1
    assert amount.value < 1
    assert amount.high < 6


def test_too_few_planted_labels_say_nothing():
    assert wrong_labels(np.array([0.1, 0.2]), 100) is None


def test_chances_are_calibrated_on_the_hidden_mistakes():
    told, real = [], []
    for seed in range(10):
        verdict, bad = judged(seed)
        told.append(verdict.chance)
        real.append(bad)
        assert verdict.chance[verdict.order].tolist() == sorted(verdict.chance, reverse=True)
    assert calibration_error(reliability(np.concatenate(told), np.concatenate(real))) < 0.05


def test_the_first_to_look_at_hold_four_fifths_of_the_wrong():
    shares = []
    for seed in range(20):
        verdict, bad = judged(seed)
        shares.append(bad[verdict.order[: verdict.look]].mean() * verdict.look / bad.sum())
    assert 0.7 < np.mean(shares) < 0.9


def test_the_better_method_is_chosen_and_blends_are_measured():
    data, copies, _ = made(1)
    plain, blended = compare(data, copies, blends=False), compare(data, copies, blends=True)
    assert plain.chosen == "good"
    assert list(plain.precision) == ["good", "poor"]
    assert {RANKS, STACK} < set(blended.precision)
    assert blended.precision[STACK].mean() >= blended.precision["good"].mean() - 0.02


def test_the_labels_own_mistakes_are_no_false_alarms():
    """Half of the wrong labels are not planted: precision comes nearer to what it is on all of them."""
    data, copies, bad = made(2, wrong=50, rate=0.05)
    found = compare(data, copies, blends=True).precision["good"].mean()
    seen = [copy.by_method["good"] for copy in copies]
    naive = np.mean([average_precision_score(c.planted, -u) for c, u in zip(copies, seen, strict=True)])
    true = np.mean([average_precision_score(c.planted | bad, -u) for c, u in zip(copies, seen, strict=True)])
    assert naive + 0.3 * (true - naive) < found < true


def test_no_blend_is_chosen_for_a_lead_within_the_noise():
    steps = np.linspace(
        -0.01, 0.01, 20
    )  # of leaving out a block; a standard error of .116 for what moves the other way
    without = {"a": 0.85 + steps, RANKS: 0.86 - steps, STACK: 0.87 - steps}
    assert choose({"a": 0.85, RANKS: 0.86, STACK: 0.87}, without) == "a"
    assert choose({"a": 0.65, RANKS: 0.86, STACK: 0.87}, without) == STACK  # what moves alike leads surely
    assert choose({"a": 0.65, RANKS: 0.87, STACK: 0.87}, without) == RANKS


def test_the_error_of_a_lead_counts_the_samples_that_all_copies_share():
    """Copies that are one and the same say no more than one of them."""
    data, copies, _ = made(4, copies=1)
    one, many = compare(data, copies * 2, blends=True), compare(data, copies * 8, blends=True)
    assert one.precision["good"].std() == many.precision["good"].std() == 0
    assert one.precision[STACK].mean() > one.precision["good"].mean()  # by what could be luck
    assert one.chosen == many.chosen == "good"


def test_a_calibration_falls_and_is_finite():
    u = np.array([0.0, 0.1, 0.2, 0.3, 0.4])
    learnt = calibrate(u, np.array([True, True, False, True, False]))
    ratio = learnt.ratio_at(np.linspace(0, 1, 50))
    assert (np.diff(ratio) <= 0).all()
    assert np.isfinite(ratio).all()
    assert learnt.chance(u, 1.0).max() <= 1


def test_calibration_error_is_the_mean_distance():
    assert calibration_error([Bin(0.1, 0.2, 10), Bin(0.9, 0.9, 30)]) == pytest.approx(0.025)


def test_to_look_at_is_never_fewer_than_the_wrong_ones_wanted():
    ranks = np.full(50, 1e-4)
    amount = wrong_labels(ranks, 10_000)
    assert amount is not None
    assert to_look_at(ranks, 10_000, amount) >= 0.8 * amount.value
