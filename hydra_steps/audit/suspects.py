"""The list of suspects: each with its given and its suggested label, its chance of being wrong, and who agrees.

The suggested label is the most probable other one, by the models of the data and of all copies in which the label was
left alone; its probability is that among the other labels, so how likely it is right if the given one is wrong. Index
letters: n samples, c classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hydra_steps.audit.copies import Judged
from hydra_steps.audit.judge import Verdict
from hydra_steps.audit.samples import AuditedSamples

COLUMNS = (
    *("rank", "sample", "name", "source_index", "label", "suggested", "suggestion_probability"),
    *("suspicion", "chance_wrong", "agreeing", "agree", "harms", "gain_without", "near_duplicates"),
)
FEWEST = 100  # so many are listed at least


def list_suspects(samples: AuditedSamples, probability: np.ndarray) -> pd.DataFrame:
    """Return the table of suspects, the most suspicious first, without the columns of the run.

    ``probability`` [n, c]: :func:`mean_probability`. As many as are to be looked at, and twice the upper end of the
    estimated number; ``FEWEST`` at least.
    """
    data, verdict = samples.data, samples.verdict
    listed = verdict.order[: max(FEWEST, verdict.look, 2 * int(np.ceil(verdict.amount.high)))]
    suggested, likely = suggestions(probability, data.label)
    agree = _agreeing(data, verdict, listed)
    own = {
        "suggested": [samples.classes[suggested[n]] for n in listed],
        "suggestion_probability": likely[listed],
        "suspicion": verdict.suspicion[listed],
        "agreeing": [len(one) for one in agree],
        "agree": ["; ".join(one) for one in agree],
    }
    return pd.DataFrame(samples.columns(listed) | own)[list(COLUMNS)]


def mean_probability(
    probabilities: Sequence[np.ndarray], trained_as_given: Sequence[np.ndarray]
) -> np.ndarray:
    """Return the mean probabilities [n, c] of several models, for each sample those that had its given label [n]."""
    total = np.zeros(probabilities[0].shape)
    for probability, kept in zip(probabilities, trained_as_given, strict=True):
        total += np.where(kept[:, None], probability, 0.0)
    mean: np.ndarray = total / np.maximum(np.sum(trained_as_given, axis=0), 1)[:, None]
    return mean


def suggestions(probability: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the most probable other label [n], and its share of the other labels' probability [n].

    >>> [found.tolist() for found in suggestions(np.array([[0.5, 0.4, 0.1]]), np.array([0]))]
    [[1], [0.8]]
    """
    others = probability.copy()
    others[np.arange(len(label)), label] = 0.0
    suggested = np.where(np.arange(others.shape[1]) == label[:, None], -1.0, others).argmax(axis=1)
    total = others.sum(axis=1)
    share = others[np.arange(len(label)), suggested] / np.where(total > 0, total, 1.0)
    return suggested, np.round(share, 6)


def _agreeing(data: Judged, verdict: Verdict, listed: np.ndarray) -> list[list[str]]:
    """The methods that have a sample among as many suspects as have to be looked at; of those that find planted labels
    half as well as the best, or better."""
    precision = {name: float(values.mean()) for name, values in verdict.trusted.precision.items()}
    firsts = {}
    for name, suspicion in data.by_method.items():
        if precision[name] < 0.5 * max(precision.values()):
            continue
        first = np.zeros(len(suspicion), bool)
        first[np.argsort(suspicion, kind="stable")[: verdict.look]] = True
        firsts[name] = first
    return [[name for name, first in firsts.items() if first[n]] for n in listed]
