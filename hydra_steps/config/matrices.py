"""Whether a class-transition matrix is one; in plain Python, so that a study can be checked where it is planned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from hydra_steps.errors import StudyError

TOLERANCE = 1e-6
_FIX = "change noise.matrix in the config"


def check_matrix(matrix: Any, classes: int) -> list[list[float]]:
    """Return the C rows of C probabilities; raise :class:`StudyError` unless each row is a distribution.

    >>> check_matrix([[0.9, 0.1], [0, 1]], 2)
    [[0.9, 0.1], [0.0, 1.0]]
    """
    rows = _rows(matrix)
    if rows is None or len(rows) != classes or any(len(row) != classes for row in rows):
        raise StudyError(
            f"noise.matrix is {_shown(matrix, rows)}", f"{classes} rows of {classes} numbers", _FIX
        )
    if any(not math.isfinite(chance) or chance < 0 for row in rows for chance in row):
        raise StudyError("noise.matrix has an entry that is negative or not finite", "probabilities", _FIX)
    sums = [math.fsum(row) for row in rows]
    worst = max(range(classes), key=lambda c: abs(sums[c] - 1))
    if abs(sums[worst] - 1) > TOLERANCE:
        raise StudyError(
            f"row {worst} of noise.matrix adds up to {sums[worst]:.6g}", "rows that add up to 1", _FIX
        )
    return rows


def _rows(matrix: Any) -> list[list[float]] | None:
    """Return the matrix as lists of numbers; None for what is no table of numbers."""
    if not isinstance(matrix, Sequence) or isinstance(matrix, str):
        return None
    numbers = all(
        isinstance(row, Sequence)
        and all(isinstance(chance, int | float) and not isinstance(chance, bool) for chance in row)
        for row in matrix
    )
    return [[float(chance) for chance in row] for row in matrix] if numbers else None


def _shown(matrix: Any, rows: list[list[float]] | None) -> str:
    if matrix is None:
        return "null"
    widths = {len(row) for row in rows or []}
    return f"of shape ({len(rows)}, {widths.pop()})" if rows and len(widths) == 1 else "no table of numbers"
