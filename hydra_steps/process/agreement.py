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


def alike(found: Tensor, expected: Tensor) -> bool:
    """Whether they are near as a whole, as the same operations on numbers that lie otherwise are, whose round-off lets
    single ReLUs cross 0; what is computed of other numbers is not."""
    known = expected.isfinite()
    if not torch.equal(known, found.isfinite()):
        return False
    apart, size = (float(part[known].double().norm()) for part in (found - expected, expected))
    return bool(apart <= torch.finfo(expected.dtype).eps ** 0.25 * size)
