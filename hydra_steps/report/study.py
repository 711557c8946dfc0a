"""What findings are made from, the tables of one variant, and what they are, sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd


@dataclass(frozen=True)
class Finding:
    """One sentence; ``key`` findings make up the summary, the others stay in their section."""

    text: str
    key: bool = False


@dataclass(frozen=True)
class Study:
    """The tables of one variant, by name, the methods' names in words, and the registered method of each label."""

    tables: Mapping[str, pd.DataFrame]
    labels: Mapping[str, str]
    methods: Mapping[str, str] = field(default_factory=dict)

    def registered(self, label: str) -> str:
        """Return the registered method behind a label: the label itself where the study says nothing else."""
        return self.methods.get(label, label)

    def rows(self, table: str, metric: str) -> pd.DataFrame:
        """Return the rows of a metric; an empty table where there is none."""
        data = self.tables.get(table)
        columns = ["variant", "run", "seed", "method", "query", "metric", "n", "value"]
        return data[data["metric"] == metric] if data is not None else pd.DataFrame(columns=columns)
