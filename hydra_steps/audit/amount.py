"""How many labels are wrong in all, from where planted ones stand in the ranking.

Of the planted labels a share F stands among the first D samples that were left alone. If the wrong labels that nobody
knows of are found as easily as planted ones, F of these stand there, too, so that with M of them D ≥ F · M, and
M = D / F where hardly a right label is so suspicious. How far down to look is chosen once among a few shares F: the
one that gives the lowest upper limit (few labels are seen above, right labels come in below).

Right labels among the wrong ones only make M too high, the less so the smaller F: the lower limit is therefore the
lowest of all shares up to the chosen one. Where they stand among the wrong ones however far up, M is an upper
bound. In mixture proportion estimation this is the choice of the best bin (Garg et al., NeurIPS 2021).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SHARES = (0.2, 0.4, 0.6, 0.8)
FEWEST = 3  # planted labels that a share rests on
DRAWS = 20_000
LEVEL = 0.95


@dataclass(frozen=True)
class Amount:
    """``value`` wrong labels among ``samples``, 95 % interval ``low`` to ``high``.

    ``seen``: how many samples stand as far up as ``share`` of the ``planted`` labels.
    """

    value: float
    low: float
    high: float
    samples: int
    seen: float
    share: float
    planted: int

    @property
    def rate(self) -> float:
        """The estimated share of wrong labels."""
        return self.value / max(self.samples, 1)


def wrong_labels(planted: np.ndarray, samples: int) -> Amount | None:
    """Return how many of ``samples`` labels are wrong, from the suspicion [p] of planted ones; None for too few.

    The value and the interval, median and quantiles, join the counting noise of the D samples seen (gamma) and of the
    share F (beta), so that the value is above 0 though nothing is seen, as is every chance that follows from it. The
    same input gives the same numbers.
    """
    from scipy.stats import beta, gamma

    ranks, count = np.sort(planted), len(planted)
    numbers = sorted({int(np.ceil(share * count)) for share in SHARES})
    places = {k: float(ranks[k - 1]) * samples for k in numbers if k >= FEWEST}
    if not places:
        return None

    def upper(k: int) -> float:
        share = beta.ppf(1 - LEVEL, k, count - k + 1)
        return float(gamma.ppf(LEVEL, places[k] + 1) / share)

    def estimate(k: int) -> tuple[float, float, float]:
        stream = np.random.default_rng([count, samples])
        draws = stream.gamma(places[k] + 0.5, size=DRAWS) / stream.beta(k + 0.5, count - k + 0.5, size=DRAWS)
        low, middle, high = np.quantile(np.minimum(draws, samples), [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2])
        return float(low), float(middle), float(high)

    k = min(places, key=upper)
    _, value, high = estimate(k)
    low = min(estimate(fewer)[0] for fewer in places if fewer <= k)
    return Amount(value, low, high, samples, places[k], k / count, count)


def to_look_at(planted: np.ndarray, samples: int, amount: Amount, share: float = 0.8) -> int:
    """Return how many of the first samples have to be looked at to find ``share`` of the wrong labels.

    >>> to_look_at(np.array([0.01, 0.02, 0.03, 0.04, 0.5]), 100, Amount(5, 2, 9, 100, 2, 0.4, 5))
    4
    """
    ranks = np.sort(planted)
    found = ranks[min(max(int(np.ceil(share * len(ranks))), 1), len(ranks)) - 1]
    return int(min(max(np.ceil(found * samples), np.ceil(share * amount.value)), samples))
