"""When two ways to the same numbers agree."""

from __future__ import annotations

import torch
from torch import Tensor


def agree(found: Tensor, expected: Tensor) -> bool:
    """Whether two ways to the same numbers are apart by round-off alone; NaN agrees with NaN."""
    finite = expected[expected.isfinite()]
    largest = finite.abs().max() if finite.numel() else finite.new_zeros(())
    near = (found - expected).abs() <= torch.finfo(expected.dtype).eps ** 0.5 * largest
    return bool((near | (found == expected) | (found.isnan() & expected.isnan())).all())
