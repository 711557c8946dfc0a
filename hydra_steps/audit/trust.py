"""Which method to trust on these data: average precision on the labels that were planted, copy by copy.

A blend is tried on a copy after it has learnt from the others. The mistakes that the labels have of their own are no
false alarms: a sample that was left alone counts as much as its label is likely to be right, by a first look with the
mean of all methods' ranks. Else the best contestant would be the one that tells planted mistakes from all others.

Among contestants that are as good within one standard error, the simplest is chosen: a method before the mean of
ranks, and that before what has learnt, since the best of several owes part of its lead to luck. The error is over the
samples, not over the copies: these share their samples, mistakes included, and are more alike than new data would be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hydra_steps.audit.amount import wrong_labels
from hydra_steps.audit.blends import BLENDS, RANKS, STACK, learn_stack, mean_of_ranks, stacked
from hydra_steps.audit.chances import calibrate
from hydra_steps.audit.copies import Judged
from hydra_steps.audit.suspicion import suspicion

PLAIN = "final_loss"
BLOCKS = 20  # parts of the samples, each left out once for the standard error of a lead


@dataclass(frozen=True)
class Trusted:
    """All contestants' average ``precision`` [copies] by label, best mean first, their ``suspicion`` on the
    ``copies`` and on the ``data`` [n], and which is ``chosen``."""

    precision: dict[str, np.ndarray]
    on_copies: dict[str, list[np.ndarray]]
    on_data: dict[str, np.ndarray]
    chosen: str


def compare(data: Judged, copies: Sequence[Judged], blends: bool) -> Trusted:
    """Measure every method of the copies and, where asked for and there are two methods or more, the blends."""
    on_copies = {name: [copy.by_method[name] for copy in copies] for name in data.by_method}
    on_data = dict(data.by_method)
    ranks = [suspicion(mean_of_ranks(copy.matrix), copy.planted) for copy in copies]
    ranks_of_data = suspicion(mean_of_ranks(data.matrix), data.planted)
    weight = _weights(ranks_of_data, ranks, copies)
    if blends and len(data.by_method) > 1:
        on_copies[RANKS], on_data[RANKS] = ranks, ranks_of_data
        on_copies[STACK] = [_stacked(copies, weight, number) for number in range(len(copies))]
        whole = learn_stack([copy.matrix for copy in copies], [copy.planted for copy in copies], weight)
        on_data[STACK] = suspicion(stacked(whole, data.matrix), data.planted)
    precision = {name: _precision(found, copies, weight) for name, found in on_copies.items()}
    order = sorted(precision, key=lambda name: -float(precision[name].mean()))
    ordered = {name: precision[name] for name in order}
    # Of single methods only the best is asked.
    asked = [
        next(name for name in order if name not in BLENDS),
        *(name for name in BLENDS if name in precision),
    ]
    mean = {name: float(precision[name].mean()) for name in asked}
    without = {name: _without_blocks(on_copies[name], copies, weight) for name in asked}
    return Trusted(ordered, on_copies, on_data, choose(mean, without))


def choose(mean: dict[str, float], without: dict[str, np.ndarray]) -> str:
    """Return the simplest contestant that is not worse than the best by more than one standard error.

    Contestants' ``mean`` precision by label, the simplest first, and what it is ``without`` each block of the samples
    [blocks], from which the error of a lead follows (jackknife).

    >>> choose({"a": 0.8, "stacking": 0.85}, {"a": np.array([0.7, 0.9]), "stacking": np.array([0.9, 0.8])})
    'a'
    >>> choose({"a": 0.8, "stacking": 0.85}, {"a": np.array([0.7, 0.9]), "stacking": np.array([0.75, 0.95])})
    'stacking'
    """
    best = max(mean, key=lambda name: mean[name])
    for name in mean:
        behind = without[best] - without[name]
        spread = np.sqrt((len(behind) - 1) / len(behind) * ((behind - behind.mean()) ** 2).sum())
        if mean[best] - mean[name] <= spread:
            return name
    return best


def mean_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Return the mean over copies and its 95 % interval (Student's).

    >>> [round(x, 2) for x in mean_interval(np.array([0.8, 0.9, 1.0]))]
    [0.9, 0.65, 1.15]
    """
    from scipy.stats import t

    mean, count = float(values.mean()), len(values)
    if count < 2:
        return mean, float("nan"), float("nan")
    half = float(t.ppf(0.975, count - 1) * values.std(ddof=1) / np.sqrt(count))
    return mean, mean - half, mean + half


def _weights(
    ranks_of_data: np.ndarray, ranks: Sequence[np.ndarray], copies: Sequence[Judged]
) -> list[np.ndarray]:
    """What each sample of each copy counts [n]: planted ones 1, the others the chance that their label is right."""
    planted = [copy.planted for copy in copies]
    places = np.concatenate([u[flags] for u, flags in zip(ranks, planted, strict=True)])
    amount = wrong_labels(places, len(ranks_of_data))
    if amount is None:  # nothing can be said of the labels' own mistakes
        return [np.ones(len(flags)) for flags in planted]
    learnt = calibrate(np.concatenate(ranks), np.concatenate(planted))
    right = 1 - np.minimum(learnt.chance(ranks_of_data, amount.rate), 1 - 1 / (len(places) + 2))
    return [np.where(flags, 1.0, right) for flags in planted]


def _stacked(copies: Sequence[Judged], weight: Sequence[np.ndarray], number: int) -> np.ndarray:
    others = [i for i in range(len(copies)) if i != number]
    matrices, flags = [copies[i].matrix for i in others], [copies[i].planted for i in others]
    model = learn_stack(matrices, flags, [weight[i] for i in others])
    return suspicion(stacked(model, copies[number].matrix), copies[number].planted)


def _without_blocks(
    found: Sequence[np.ndarray], copies: Sequence[Judged], weight: Sequence[np.ndarray]
) -> np.ndarray:
    """The mean precision over the copies when a block of samples is left out of all of them [blocks]."""
    block = np.arange(len(found[0])) % BLOCKS
    means = []
    for left_out in range(min(BLOCKS, len(block))):
        kept = [own * (block != left_out) for own in weight]
        known = [i for i, copy in enumerate(copies) if kept[i][copy.planted].any()] or range(len(copies))
        means.append(
            _precision([found[i] for i in known], [copies[i] for i in known], [kept[i] for i in known]).mean()
        )
    return np.array(means)


def _precision(
    found: Sequence[np.ndarray], copies: Sequence[Judged], weight: Sequence[np.ndarray]
) -> np.ndarray:
    from sklearn.metrics import average_precision_score

    return np.array(
        [
            average_precision_score(copy.planted, -u, sample_weight=own)
            for copy, u, own in zip(copies, found, weight, strict=True)
        ]
    )
