"""Samples that harm although their label is probably right: without them the loss would fall.

They may be outliers, hard cases of which there are too few, or what another class looks like; removing them is no
correction. The chance is that of the list of suspects, the gain that of the method which finds planted labels best
among those that predict changes of a loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from hydra_steps.audit.copies import Judged
from hydra_steps.audit.judge import Verdict
from hydra_steps.audit.suspects import harmed, scores_in_unit
from hydra_steps.scoring.store import Scores

COLUMNS = (
    "rank",
    "sample",
    "name",
    "source_index",
    "label",
    "chance_wrong",
    "gain_without",
    "harms",
    "near_duplicates",
)
LISTED = 100
RIGHT = 0.5  # the chance of being wrong below which a label is probably right


def list_harmful(
    data: Judged,
    verdict: Verdict,
    scores: Mapping[str, Scores],
    source: np.ndarray,
    sample_names: Sequence[str],
    classes: Sequence[str],
    query: str,
    alike: Mapping[int, Sequence[str]],
) -> pd.DataFrame:
    """Return the table, the largest gain first, at most ``LISTED`` rows, without the columns of the run; none where no
    method predicts changes of a loss. Arguments are those of :func:`hydra_steps.audit.suspects.list_suspects`."""
    found = scores_in_unit(verdict, scores)
    gain = np.zeros(len(data.label)) if found is None else -found.of_query(query).astype(np.float64)
    order = np.argsort(-gain, kind="stable")
    listed = order[(gain[order] > 0) & (verdict.chance[order] < RIGHT)][:LISTED]
    return pd.DataFrame(
        {
            "rank": np.arange(1, len(listed) + 1),
            "sample": listed,
            "name": [sample_names[n] for n in listed],
            "source_index": source[listed],
            "label": [classes[data.label[n]] for n in listed],
            "chance_wrong": verdict.chance[listed],
            "gain_without": gain[listed],
            "harms": ["" if found is None else harmed(found, int(n)) for n in listed],
            "near_duplicates": ["; ".join(alike.get(int(n), ())) for n in listed],
        }
    )
