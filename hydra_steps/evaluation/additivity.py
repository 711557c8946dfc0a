"""How much of what removals do is a sum over the samples at all: the part that any score can predict.

    f(S) = μ + Σ_{i∈S} b_i + rest         S a random group of k of the N samples
    additive_share     the variance of the best sum over the variance of f
    additive_ceiling   √ of it: no score's Pearson correlation with f over such groups is higher, whatever it computes

A score predicts a removal by the sum of its samples' contributions, and the rest, what samples do only together, is out
of its reach: also in a truth without noise. The share is estimated without fitting N numbers to fewer groups,

    share = ρ² + (1/Var f) (N − 1)/N · mean over pairs a ≠ b of r_a r_b ⟨χ_a, χ_b⟩
    χ_i   = (1[i ∈ S] − k/N) / √(k/N (1 − k/N))

ρ the correlation with the study's best score and r what a line through that leaves over: each sample's own effect is
E[r χ_i], and two groups give two independent estimates of it, whose product is right in the mean. The error is about
√(2N)/M of r's variance for M groups, so that hundreds are needed and a good score helps. Intervals by the jackknife
over groups (:mod:`hydra_steps.evaluation.group_intervals`). Torch-free.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from hydra_steps.evaluation.correlation import pearson
from hydra_steps.evaluation.effects import Design, each_and_all
from hydra_steps.evaluation.group_intervals import jackknife_interval, leave_out

LARGEST_ERROR = 0.25  # √(2N)/M: with fewer groups nothing is said


def additive_limits(
    design: Design, samples: int, predictions: Sequence[np.ndarray]
) -> Iterator[dict[str, Any]]:
    """Yield rows (metric, query, n, value, ci_low, ci_high) of a design of enough random groups, all of one size.

    ``predictions``: the changes [r, q] that the scores with a unit predict, NaN where one has none.
    """
    groups, sizes = len(design.removed), {len(group) for group in design.removed}
    if design.kind != "random_groups" or len(sizes) != 1 or not 0 < max(sizes) < samples:
        return
    if math.sqrt(2 * samples) > LARGEST_ERROR * groups:
        return
    real, together = design.change, _overlaps(design.removed, samples)
    control = _best(real, predictions)
    shares = additive_shares(real, control, together)
    left = leave_out(lambda kept: additive_shares(real[kept], control[kept], together[kept][:, kept]), groups)
    for query, columns in each_and_all(design.queries):
        for metric, function in (("additive_share", np.asarray), ("additive_ceiling", _root)):
            value = float(function(shares[columns]).mean())
            low, high = jackknife_interval(value, function(left[:, columns]).mean(1))
            yield {
                "metric": metric,
                "query": query,
                "n": groups,
                "value": value,
                "ci_low": low,
                "ci_high": high,
            }


def additive_shares(real: np.ndarray, control: np.ndarray, together: np.ndarray) -> np.ndarray:
    """The additive share [q] of real changes [r, q], with the help of a sum over samples ``control`` [r, q] (zeros: of
    none); ``together`` [r, r] are the products ⟨χ_a, χ_b⟩ (N − 1)/N of different groups, and 0 on the diagonal."""
    f, p = real - real.mean(0), control - control.mean(0)
    power = (p * p).sum(0)
    rest = f - np.divide((f * p).sum(0), power, out=np.zeros_like(power), where=power > 0) * p
    groups, whole = len(f), (f * f).sum(0)
    pairs = (rest * (together @ rest)).sum(0) / groups  # of r², Σ over pairs / (M (M − 1)) · (M − 1)
    share = 1 - (rest * rest).sum(0) / np.where(whole > 0, whole, np.nan)
    return np.asarray(share + pairs / np.where(whole > 0, whole, np.nan))


def _root(shares: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt(np.clip(shares, 0.0, 1.0)))


def _overlaps(removed: Sequence[np.ndarray], samples: int) -> np.ndarray:
    """⟨χ_a, χ_b⟩ (N − 1)/N of groups of one size, 0 on the diagonal."""
    size = len(removed[0])
    member = np.zeros((len(removed), samples), np.float32)
    for row, group in zip(member, removed, strict=True):
        row[group] = 1
    share = size / samples
    products = ((member @ member.T).astype(np.float64) - size * share) / (share * (1 - share))
    np.fill_diagonal(products, 0.0)
    return np.asarray(products * (samples - 1) / samples)


def _best(real: np.ndarray, predictions: Sequence[np.ndarray]) -> np.ndarray:
    """Of each query the predicted changes that correlate best with the real ones; zeros where none does."""
    chosen, strength = np.zeros_like(real), np.zeros(real.shape[1])
    for predicted in predictions:
        found = np.nan_to_num(np.abs(pearson(predicted.T, real.T)))
        better = found > strength
        chosen[:, better], strength = predicted[:, better], np.maximum(found, strength)
    return chosen
