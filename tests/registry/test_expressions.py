"""Expressions of declarations: arithmetic and comparisons, and nothing that could run code."""

from __future__ import annotations

from typing import Any

import pytest

from hydra_steps.registry.expressions import evaluate


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4.0 * runs + n / 2", 37.0),
        ("not nesterov or (momentum > 0 and dampening == 0)", True),
        ("1 if momentum else 0", 1),
        ("max(1, round(0.01 * n)) if samples is None else len(samples)", 1),
        ("study.removal.fractions", [0.1]),
        ("'a' in used and len(used) == 2", True),
        ("0 < momentum < 1", True),
        ("0 < momentum < 0.5", False),
        ("study['removal'].fractions[0] * 10", 1.0),
        ("-n // 4", -3),
        ("[1, n] == [1, 10]", True),
    ],
)
def test_values(text: str, value: Any) -> None:
    names = {
        "runs": 8, "n": 10, "nesterov": False, "momentum": 0.9, "dampening": 0, "samples": None, "used": {"a", "b"},
        "study": {"removal": {"fractions": [0.1]}},
    }  # fmt: skip
    assert evaluate(text, names) == value


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')", "().__class__", "study._private", "(lambda: 1)()",
        "[x for x in [1]]", "open('x')",
        "f'{n}'", "unknown", "1 +", "n := 3", "max(n, key=len)",
    ],
)  # fmt: skip
def test_nothing_else_can_be_written(text: str) -> None:
    with pytest.raises(ValueError, match="cannot be written|is not known|is no expression"):
        evaluate(text, {"n": 1, "study": {"_private": 1}})
