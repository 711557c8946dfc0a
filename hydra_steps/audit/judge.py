"""All that an audit says of the training data: the method that it goes by, how many labels are wrong, and each chance.

How far the chances can be believed is measured on the copies: those of a copy's labels to be planted, by what was
learnt from the other copies. Where even planted labels are found badly, right ones stand among them, and only the
number's upper limit is believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from hydra_steps.audit.amount import Amount, to_look_at, wrong_labels
from hydra_steps.audit.chances import Bin, calibrate, reliability
from hydra_steps.audit.copies import Judged
from hydra_steps.audit.trust import Trusted, compare
from hydra_steps.errors import StudyError

FOUND = 0.8  # the share of the wrong labels that a person wants to find
SURE_FROM = 0.8  # average precision on planted labels below which the number of wrong ones has no lower limit


@dataclass(frozen=True)
class Verdict:
    """``suspicion`` and ``chance`` [n] of the training data by the chosen contestant; ``look``: how many to look at for
    ``FOUND`` of the wrong labels; ``bins`` of the reliability diagram, measured on planted labels."""

    trusted: Trusted
    amount: Amount
    suspicion: np.ndarray
    chance: np.ndarray
    look: int
    bins: list[Bin]

    @property
    def order(self) -> np.ndarray:
        """The samples [n], the most suspicious first; equal ones by position."""
        return np.argsort(self.suspicion, kind="stable")


def judge(data: Judged, copies: Sequence[Judged], blends: bool) -> Verdict:
    """Judge the data by their copies; :class:`StudyError` where too few labels are planted in all."""
    trusted = compare(data, copies, blends)
    on_copies = trusted.on_copies[trusted.chosen]
    suspicion = trusted.on_data[trusted.chosen]
    planted = np.concatenate([u[copy.planted] for u, copy in zip(on_copies, copies, strict=True)])
    amount = wrong_labels(planted, len(suspicion))
    if amount is None:
        raise StudyError(
            f"the copies have {len(planted)} planted labels in all",
            "10 or more",
            "raise audit.rate or audit.copies",
        )
    if trusted.precision[trusted.chosen].mean() < SURE_FROM:
        amount = replace(amount, low=0.0)
    flags = [copy.planted for copy in copies]
    chance = calibrate(np.concatenate(on_copies), np.concatenate(flags)).chance(suspicion, amount.rate)
    # No number of planted labels makes certain (the rule of succession).
    chance = np.minimum(chance, 1 - 1 / (len(planted) + 2))
    look = to_look_at(planted, len(suspicion), amount, FOUND)
    return Verdict(trusted, amount, suspicion, chance, look, _bins(on_copies, flags))


def _bins(on_copies: Sequence[np.ndarray], flags: Sequence[np.ndarray]) -> list[Bin]:
    told = []
    for number, own in enumerate(on_copies):
        others = [i for i in range(len(on_copies)) if i != number]
        learnt = calibrate(*(np.concatenate([parts[i] for i in others]) for parts in (on_copies, flags)))
        told.append(learnt.chance_planted(own))
    return reliability(np.concatenate(told), np.concatenate(flags))
