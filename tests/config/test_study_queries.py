"""A query that a study cannot ask, or lacks, ends with one message when the study is read."""

from __future__ import annotations

from typing import Any

import pytest

from hydra_steps.config import resolve_study
from hydra_steps.errors import StudyError

SWEEP = {f"d{i}": {"method": "influence_cg", "damping": 10.0**-i} for i in range(3)}

WRONG: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "unknown query": ({"queries": [{"kind": "loss"}]}, ("queries[0].kind", "loss", "mean_loss")),
    "query without kind": ({"queries": [{"split": "test"}]}, ("queries[0]", "'kind'", "add kind")),
    "a sample that is not there": (
        {"queries": [{"kind": "sample_loss", "samples": [400]}]},
        ("queries[0].samples", "400", "0 to 399"),
    ),
    "too many samples asked about": (
        {"queries": [{"kind": "sample_margin", "count": 401}]},
        ("queries[0].count", "401", "at most 400"),
    ),
    "single samples without which": (
        {"queries": [{"kind": "sample_loss"}]},
        ("queries[0]", "neither", "samples", "count"),
    ),
    "samples for a mean": (
        {"queries": [{"kind": "mean_loss", "count": 3}]},
        ("queries[0].count", "3", "remove"),
    ),
    "one query twice": (
        {"queries": [{"kind": "sample_loss", "count": 2}, {"kind": "sample_loss", "samples": [1]}]},
        ("queries", "test_sample_1", "twice"),
    ),
    "no mean to rank the samples by": (
        {"queries": [{"kind": "sample_loss", "count": 2}, {"kind": "mean_loss", "split": "train"}]},
        ("queries", "test_sample_0, test_sample_1, train_mean", "validation or the test", "add {kind"),
    ),
    "a damping sweep without a validation query": (
        {"queries": [{"kind": "mean_loss"}], "methods": SWEEP},
        ("methods", "influence_cg", "validation query", "add {kind"),
    ),
    "fewer samples than classes": (
        {"data": {"test": 9}, "queries": [{"kind": "mean_loss"}, {"kind": "class_loss"}]},
        ("queries[1]", "9 samples for 10 classes", "raise data.test"),
    ),
    "fewer samples than classes in a variant": (
        {
            "queries": [{"kind": "mean_loss"}, {"kind": "class_loss"}],
            "variants": {"large": {}, "small": {"data": {"test": 9}}},
        },
        ("variants.small: queries[1]", "raise data.test"),
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_query_that_cannot_be_is_one_message(name: str) -> None:
    study, words = WRONG[name]
    with pytest.raises(StudyError) as caught:
        resolve_study(study)
    message = str(caught.value)
    assert all(word in message for word in words), message
    assert "\n" not in message


def test_what_the_tables_need_is_enough() -> None:
    """As many samples as classes can have one of each; two dampings are no sweep."""
    two = dict(list(SWEEP.items())[:2])
    resolve_study(
        {"data": {"test": 10}, "queries": [{"kind": "class_loss"}, {"kind": "mean_loss"}], "methods": two}
    )
    validation = {"kind": "mean_loss", "split": "validation"}
    resolve_study({"queries": [validation], "methods": SWEEP})
