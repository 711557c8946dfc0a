"""The plain sentence on whether exact HyDRA may be trusted."""

import pandas as pd
import pytest

from hydra_steps.report.trust import smoothness
from hydra_steps.report.variant_tables import VariantTables


def _study(smooth: list[int], errors: dict[float, float]) -> VariantTables:
    rows = [
        {"run": f"base-seed{k}", "seed": str(k), "metric": "smooth", "value": v} for k, v in enumerate(smooth)
    ]
    rows += [
        {"run": "base", "seed": "all", "metric": "relative_error", "step": s, "value": v}
        for s, v in errors.items()
    ]
    frame = pd.DataFrame(rows)
    frame[["variant", "method", "query", "n", "ci_low", "ci_high", "sd_seeds"]] = [
        "base",
        "hydra_exact",
        "all",
        4,
        *[None] * 3,
    ]
    return VariantTables({"smoothness": frame}, {})


@pytest.mark.parametrize(
    ("smooth", "words", "key"),
    [
        ([1, 1], "smooth on both runs: exact HyDRA agrees", False),
        ([1], "smooth on this run", False),
        ([0, 1, 0], "not smooth on 2 of 3 runs: exact HyDRA should not be trusted", True),
        ([0], "not smooth on this run", True),
    ],
)
def test_the_sentence_follows_the_verdicts(smooth, words, key):
    (finding,) = smoothness(_study(smooth, {0.1: 0.02, 1.0: 0.2}))
    assert words in finding.text
    assert finding.key is key
    assert finding.text.index("0.1") < finding.text.rindex("step of 1")


def test_a_study_without_the_table_says_nothing():
    assert smoothness(VariantTables({}, {})) == []
