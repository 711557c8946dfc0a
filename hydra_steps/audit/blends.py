"""Methods together: the mean of their ranks, and weights between equal ones and what has been learnt on planted labels.

Both work on suspicions in log-odds, which all methods have in common; a blend's are ranked again by whoever uses it.
Index letters: m methods, n samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

RANKS, STACK = "mean_of_ranks", "stacking"
BLENDS = {RANKS: "Mean of all methods' ranks", STACK: "Stacking of all methods"}
SMOOTHING = 1e-3  # keeps the log-odds of the first and the last place finite


def log_odds(suspicion: np.ndarray) -> np.ndarray:
    """Return the log-odds of suspicions, whatever their shape."""
    u = SMOOTHING + (1 - 2 * SMOOTHING) * suspicion
    odds: np.ndarray = np.log(u / (1 - u))
    return odds


def mean_of_ranks(suspicions: np.ndarray) -> np.ndarray:
    """Return one number [n] for suspicions [m, n]; the lowest are the most suspicious."""
    mean: np.ndarray = log_odds(suspicions).mean(axis=0)
    return mean


def learn_stack(
    suspicions: Sequence[np.ndarray], planted: Sequence[np.ndarray], weight: Sequence[np.ndarray]
) -> Any:
    """Return a logistic regression that has learnt from copies: suspicions [m, n], flags and weights [n] of each."""
    from sklearn.linear_model import LogisticRegression

    rows = np.concatenate([log_odds(one).T for one in suspicions])
    model = LogisticRegression(C=1.0, max_iter=1000)
    return model.fit(rows, np.concatenate(planted), sample_weight=np.concatenate(weight))


def stacked(model: Any, suspicions: np.ndarray) -> np.ndarray:
    """Return one number [n] by a regression that was learnt; the lowest are the most suspicious.

    Its weights are brought half-way to equal ones: what is learnt on labels that were planted beside the mistakes that
    are there would else trust what suits the larger number too much.
    """
    learnt = -model.coef_[0]
    weights = (learnt / max(np.abs(learnt).sum(), SMOOTHING) + 1 / len(learnt)) / 2
    found: np.ndarray = np.round(weights @ log_odds(suspicions), 9)
    return found
