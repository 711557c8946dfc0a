"""What a method returns: one contribution per query and training sample, in one unit and with one sign."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor


@dataclass(frozen=True)
class Contribution:
    """``values`` [q, n]: c = −∂f_q/∂w_n, positive helps. ``diagnostics`` are plain numbers and sentences to
    keep, and ``arrays`` further arrays for the scores' store; one named ``tracked`` lists the only samples with
    values."""

    values: Tensor
    diagnostics: dict[str, Any] = field(default_factory=dict)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
