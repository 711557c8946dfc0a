"""Samples that harm although their label is probably right: without them the loss would fall.

They may be outliers, hard cases of which there are too few, or what another class looks like; removing them is no
correction. The chance is that of the list of suspects, the gain that of the method which finds planted labels best
among those that predict changes of a loss.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from hydra_steps.audit.samples import AuditedSamples

COLUMNS = (
    *("rank", "sample", "name", "source_index", "label", "chance_wrong", "gain_without", "harms"),
    "near_duplicates",
)
LISTED = 100
RIGHT = 0.5  # the chance of being wrong below which a label is probably right


def list_harmful(samples: AuditedSamples) -> pd.DataFrame:
    """Return the table, the largest gain first, at most ``LISTED`` rows, without the columns of the run; none where no
    method predicts changes of a loss."""
    order = np.argsort(-samples.gain, kind="stable")
    harm = (samples.gain[order] > 0) & (samples.verdict.chance[order] < RIGHT)
    return pd.DataFrame(samples.columns(order[harm][:LISTED]))[list(COLUMNS)]
