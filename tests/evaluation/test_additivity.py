"""The share of removals that is a sum over samples, beside outcomes of which it is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hydra_steps.evaluation.additivity import additive_shares
from hydra_steps.evaluation.counterfactual import evaluate_counterfactual
from hydra_steps.report.additivity import additivity
from hydra_steps.tables.queries import ALL_QUERIES
from tests.helpers.variant_tables import variant_tables

SAMPLES, HALF, SHARE = 40, 20, 0.6


def drawn(random, groups, size=HALF):
    return [np.sort(random.choice(SAMPLES, size, replace=False)) for _ in range(groups)]


class Game:
    """Outcomes that are sums over the samples, and products of pairs of them, which in halves have nothing of a sum.

    Over all halves the variances of the two parts stand ``share`` to 1 − ``share``. ``own``: the effects [n].
    """

    def __init__(self, seed, share):
        random = np.random.default_rng(seed)
        self.own, pairs = random.normal(size=SAMPLES), np.triu(random.normal(size=(SAMPLES, SAMPLES)), 1)
        self.own -= self.own.mean()
        self.pairs = pairs + pairs.T
        linear, product = (part.std() for part in self.parts(drawn(random, 4000)))
        self.scale = np.sqrt((1 - share) / share) * linear / product

    def parts(self, groups):
        """Σ over the samples, and over pairs [r], less what a sum over samples has of the second."""
        sign = 2 * np.array([np.isin(np.arange(SAMPLES), group) for group in groups]) - 1.0
        products = np.einsum("ri,ij,rj->r", sign, self.pairs, sign)
        return sign @ self.own, products

    def played(self, groups):
        sums, products = self.parts(groups)
        return sums + self.scale * products


def membership(groups):
    """χ [r, n], of halves."""
    return 2 * np.array([np.isin(np.arange(SAMPLES), group) for group in groups]) - 1.0


def products(groups):
    chi = membership(groups)
    together = chi @ chi.T * (SAMPLES - 1) / SAMPLES
    np.fill_diagonal(together, 0)
    return together


def test_it_is_the_mean_over_pairs_of_groups():
    """The slow twin: every pair of groups by itself."""
    random = np.random.default_rng(0)
    groups = drawn(random, 12)
    f, chi = random.normal(size=12), membership(groups)
    centred, total = f - f.mean(), 0.0
    for a in range(12):
        for b in range(12):
            if a != b:
                total += centred[a] * centred[b] * (chi[a] * chi[b]).sum() * (SAMPLES - 1) / SAMPLES
    expected = total / (12 * 11) / f.var(ddof=1)
    found = additive_shares(f[:, None], np.zeros((12, 1)), products(groups))
    assert found[0] == pytest.approx(expected, rel=1e-12)


def test_it_is_right_in_the_mean_and_a_score_makes_it_sharper():
    random, game, found = np.random.default_rng(1), Game(1, SHARE), []
    for _ in range(60):
        groups = drawn(random, 150)
        f, score = game.played(groups)[:, None], game.parts(groups)[0][:, None] * 0.3
        together = products(groups)
        found.append([additive_shares(f, control, together)[0] for control in (0 * f, score)])
    alone, helped = np.array(found).T
    for each in (alone, helped):
        assert each.mean() == pytest.approx(SHARE, abs=3 * each.std() / np.sqrt(60) + 0.02)
    assert helped.std() < 0.8 * alone.std()


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_the_table_its_intervals_and_the_sentence(study, tmp_path, share):
    random, games = np.random.default_rng(2), [Game(seed, share) for seed in (3, 4)]
    held, sentences = [], set()
    for _ in range(8):
        groups = drawn(random, 120)
        change = np.stack([game.played(groups) for game in games], 1)
        rows = rows_of(study, tmp_path, groups, change, np.stack([games[0].own, 0 * games[1].own]))
        shares = rows[(rows["metric"] == "additive_share") & (rows["query"] != ALL_QUERIES)]
        held += list((shares["ci_low"] <= share) & (share <= shares["ci_high"]))
        tops = rows[rows["metric"] == "additive_ceiling"].set_index("query")["value"]
        expected = np.sqrt(shares.set_index("query")["value"].clip(0, 1))
        assert np.allclose(tops[expected.index], expected)
        assert tops[ALL_QUERIES] == pytest.approx(expected.mean())
        sentences |= {finding.text for finding in additivity(variant_tables({"counterfactual": rows}))}
    assert np.mean(held) >= 0.8
    assert all("% is a sum over their samples (groups, 120 groups" in text for text in sentences)
    assert all(
        "no score's correlation with it can exceed about" in text for text in sentences if share == 0.3
    )


def rows_of(study, tmp_path, groups, change, contribution):
    queries = tuple(f"test_sample_{q}" for q in range(change.shape[1]))
    made = study.outcomes("groups", groups, change, queries=queries)
    scores = study.scores("hydra_exact", contribution, queries=queries)
    evaluate_counterfactual([scores], [made], tmp_path / "t.csv", tmp_path / "p.csv")
    found = pd.read_csv(tmp_path / "t.csv", keep_default_na=False)
    found = found[(found["seed"] == "0") & found["metric"].str.startswith("additive")]
    return found.astype({name: float for name in ("value", "ci_low", "ci_high", "n", "fraction")})


def test_few_groups_or_groups_of_several_sizes_say_nothing(study, tmp_path):
    random = np.random.default_rng(3)
    few = drawn(random, 30)
    assert rows_of(study, tmp_path, few, random.normal(size=(30, 1)), np.ones((1, SAMPLES))).empty
    several = [*drawn(random, 60), *drawn(random, 60, size=10)]
    assert rows_of(study, tmp_path, several, random.normal(size=(120, 1)), np.ones((1, SAMPLES))).empty


def test_effects_that_are_all_alike_have_no_share():
    groups = drawn(np.random.default_rng(4), 20)
    assert np.isnan(additive_shares(np.ones((20, 1)), np.zeros((20, 1)), products(groups))).all()
