"""What an audit's lists say of any training sample: its label, what its removal would change, and what it resembles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hydra_steps.audit.copies import Judged
from hydra_steps.audit.judge import Verdict
from hydra_steps.scoring.store import Scores

HARMED = 3  # test samples that are named


@dataclass(frozen=True)
class AuditedSamples:
    """The training samples of a run that was judged.

    ``scores`` of the methods by label; ``source`` [n]: positions in the dataset's part; ``names`` [n], empty where
    samples have none; ``alike``: the near duplicates of training samples
    (:func:`hydra_steps.audit.look_alikes.near_duplicates`). Index letter: n samples.
    """

    data: Judged
    verdict: Verdict
    scores: Mapping[str, Scores]
    source: np.ndarray
    names: Sequence[str]
    classes: Sequence[str]
    query: str
    alike: Mapping[int, Sequence[str]]

    @cached_property
    def in_unit(self) -> Scores | None:
        """The scores of the method that finds planted labels best among those which predict changes of a loss."""
        found = (self.scores[name] for name in self.verdict.trusted.precision if name in self.scores)
        return next((one for one in found if one.has_unit), None)

    @cached_property
    def gain(self) -> np.ndarray:
        """By how much the query would fall without each sample [n] float64; NaN where no method predicts it."""
        if self.in_unit is None:
            return np.full(len(self.data.label), np.nan)
        return -self.in_unit.of_query(self.query).astype(np.float64)

    def columns(self, listed: np.ndarray) -> dict[str, Any]:
        """Return the columns that both lists have, of the samples ``listed`` [k] in their order."""
        return {
            "rank": np.arange(1, len(listed) + 1),
            "sample": listed,
            "name": [self.names[n] for n in listed],
            "source_index": self.source[listed],
            "label": [self.classes[self.data.label[n]] for n in listed],
            "chance_wrong": self.verdict.chance[listed],
            "harms": [self._harmed(int(n)) for n in listed],
            "gain_without": self.gain[listed],
            "near_duplicates": ["; ".join(self.alike.get(int(n), ())) for n in listed],
        }

    def _harmed(self, sample: int) -> str:
        """The test samples whose loss would fall most without the sample, with by how much."""
        if (scores := self.in_unit) is None:
            return ""
        asked = [i for i, query in enumerate(scores.queries) if query.is_single and query.split == "test"]
        change = {i: float(scores.contribution[i, sample]) for i in asked}
        worst = sorted((i for i in asked if change[i] < 0), key=lambda i: change[i])[:HARMED]
        return "; ".join(f"{scores.queries[i].position}: {change[i]:.3g}" for i in worst)
