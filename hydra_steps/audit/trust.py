"""Which method to trust on these data: average precision on the labels that were planted, copy by copy.

A blend is tried on a copy after it has learnt from the others. The mistakes that the labels have of their own count as
false alarms for all methods alike, so average precision is a little too low, and the order is not touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hydra_steps.audit.blends import RANKS, STACK, learn_stack, mean_of_ranks, stacked
from hydra_steps.audit.copies import Judged
from hydra_steps.audit.suspicion import suspicion

PLAIN = "final_loss"


@dataclass(frozen=True)
class Trusted:
    """All contestants' average ``precision`` [copies] by label, best mean first, and their ``suspicion`` on the
    ``copies`` and on the ``data`` [n]."""

    precision: dict[str, np.ndarray]
    on_copies: dict[str, list[np.ndarray]]
    on_data: dict[str, np.ndarray]

    @property
    def chosen(self) -> str:
        """The contestant with the highest mean."""
        return next(iter(self.precision))


def compare(data: Judged, copies: Sequence[Judged], blends: bool) -> Trusted:
    """Measure every method of the copies and, where asked for and there are two methods or more, the blends."""
    on_copies = {name: [copy.by_method[name] for copy in copies] for name in data.by_method}
    on_data = dict(data.by_method)
    if blends and len(data.by_method) > 1:
        on_copies[RANKS] = [suspicion(mean_of_ranks(copy.matrix), copy.planted) for copy in copies]
        on_data[RANKS] = suspicion(mean_of_ranks(data.matrix), data.planted)
        on_copies[STACK] = [_stacked(copies, number) for number in range(len(copies))]
        whole = learn_stack([copy.matrix for copy in copies], [copy.planted for copy in copies])
        on_data[STACK] = suspicion(stacked(whole, data.matrix), data.planted)
    precision = {name: _precision(found, copies) for name, found in on_copies.items()}
    order = sorted(precision, key=lambda name: -float(precision[name].mean()))
    return Trusted({name: precision[name] for name in order}, on_copies, on_data)


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


def _stacked(copies: Sequence[Judged], number: int) -> np.ndarray:
    others = [copy for i, copy in enumerate(copies) if i != number]
    model = learn_stack([copy.matrix for copy in others], [copy.planted for copy in others])
    return suspicion(stacked(model, copies[number].matrix), copies[number].planted)


def _precision(found: Sequence[np.ndarray], copies: Sequence[Judged]) -> np.ndarray:
    from sklearn.metrics import average_precision_score

    return np.array([average_precision_score(c.planted, -u) for c, u in zip(copies, found, strict=True)])
