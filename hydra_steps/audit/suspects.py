"""The list of suspects: each with its given and its suggested label, its chance of being wrong, and who agrees.

The suggested label is the most probable other one, by the models of the data and of all copies in which the label was
left alone; its probability is that among the other labels, so how likely it is right if the given one is wrong. Index
letters: n samples, c classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from hydra_steps.audit.copies import Judged
from hydra_steps.audit.judge import Verdict
from hydra_steps.scoring.store import Scores

COLUMNS = (
    *("rank", "sample", "name", "source_index", "label", "suggested", "suggestion_probability"),
    *("suspicion", "chance_wrong", "agreeing", "agree", "harms", "gain_without", "near_duplicates"),
)
FEWEST = 100  # so many are listed at least
HARMED = 3  # test samples that are named


def list_suspects(
    data: Judged,
    verdict: Verdict,
    probability: np.ndarray,
    scores: Mapping[str, Scores],
    source: np.ndarray,
    sample_names: Sequence[str],
    classes: Sequence[str],
    query: str,
    alike: Mapping[int, Sequence[str]],
) -> pd.DataFrame:
    """Return the table of suspects, the most suspicious first, without the columns of the run.

    ``probability`` [n, c]: :func:`mean_probability`; ``scores`` of the methods by label; ``source`` [n]: positions in
    the dataset's part, ``sample_names`` [n], empty where samples have none; ``alike``: the near duplicates of training
    samples (:func:`hydra_steps.audit.look_alikes.near_duplicates`). As many as are to be looked at, and twice
    the upper end of the estimated number; ``FEWEST`` at least.
    """
    samples = len(data.label)
    count = min(samples, max(FEWEST, verdict.look, 2 * int(np.ceil(verdict.amount.high))))
    listed = verdict.order[:count]
    suggested, likely = suggestions(probability, data.label)
    agree = _agreeing(data, verdict, listed)
    in_unit = scores_in_unit(verdict, scores)
    names = np.array(classes, dtype=object)
    return pd.DataFrame(
        {
            "rank": np.arange(1, count + 1),
            "sample": listed,
            "name": [sample_names[n] for n in listed],
            "source_index": source[listed],
            "label": names[data.label[listed]],
            "suggested": names[suggested[listed]],
            "suggestion_probability": likely[listed],
            "suspicion": verdict.suspicion[listed],
            "chance_wrong": verdict.chance[listed],
            "agreeing": [len(one) for one in agree],
            "agree": ["; ".join(one) for one in agree],
            "harms": ["" if in_unit is None else harmed(in_unit, int(n)) for n in listed],
            "gain_without": np.nan
            if in_unit is None
            else -in_unit.of_query(query)[listed].astype(np.float64),
            "near_duplicates": ["; ".join(alike.get(int(n), ())) for n in listed],
        }
    )


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


def scores_in_unit(verdict: Verdict, scores: Mapping[str, Scores]) -> Scores | None:
    """Return the scores of the method that finds planted labels best among those which predict changes of a loss."""
    found = (scores[name] for name in verdict.trusted.precision if name in scores)
    return next((one for one in found if one.has_unit), None)


def harmed(scores: Scores, sample: int) -> str:
    """The test samples whose loss would fall most without the sample, with by how much."""
    asked = [i for i, query in enumerate(scores.queries) if query.is_single and query.split == "test"]
    change = {i: float(scores.contribution[i, sample]) for i in asked}
    worst = sorted((i for i in asked if change[i] < 0), key=lambda i: change[i])[:HARMED]
    return "; ".join(f"{scores.queries[i].position}: {change[i]:.3g}" for i in worst)
