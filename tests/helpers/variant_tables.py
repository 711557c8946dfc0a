"""The tables of a made-up variant, with the words that its labels and queries have in a study."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from hydra_steps.figures.methods import method_styles
from hydra_steps.report.variant_tables import VariantTables
from hydra_steps.tables.queries import ALL_QUERIES, TEST_SAMPLES, Queries
from tests.helpers.queries import queries_named


def variant_tables(
    frames: Mapping[str, pd.DataFrame], methods: Mapping[str, str] | None = None
) -> VariantTables:
    """Return ``frames`` as sentences read them; ``methods``: label → registered method, where they differ."""
    labels = {m for frame in frames.values() for m in frame["method"] if m}
    queries = {q for frame in frames.values() for q in frame["query"]} - {
        "",
        "all",
        ALL_QUERIES,
        TEST_SAMPLES,
    }
    words = {m: look.label for m, look in method_styles(labels).items()}
    return VariantTables(frames, words, methods or {}, Queries(queries_named(sorted(queries))))
