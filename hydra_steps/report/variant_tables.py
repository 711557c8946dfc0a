"""What findings are made from, the tables of one variant, and what they are, sentences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from hydra_steps.config.targets import Metric, metric_among
from hydra_steps.tables.queries import Queries


@dataclass(frozen=True)
class Finding:
    """One sentence; ``key`` findings make up the summary, the others stay in their section."""

    text: str
    key: bool = False


@dataclass(frozen=True)
class VariantTables:
    """The tables of one variant, or of the whole study, by name, with what the names in them mean.

    ``labels``: the methods' names in words; ``methods``: the registered method of each label; both by label.
    """

    by_name: Mapping[str, pd.DataFrame]
    labels: Mapping[str, str] = field(default_factory=dict)
    methods: Mapping[str, str] = field(default_factory=dict)
    queries: Queries = field(default_factory=lambda: Queries(()))

    def registered(self, label: str) -> str:
        """Return the registered method behind a label: the label itself where the study says nothing else."""
        return self.methods.get(label, label)

    def metric(self, table: str) -> Metric:
        """Return the metric that a table measures the test split by; accuracy where it is not there."""
        data = self.by_name.get(table)
        return metric_among([] if data is None else data["metric"])

    def rows(self, table: str, metric: str) -> pd.DataFrame:
        """Return the rows of a metric; an empty table where there is none."""
        data = self.by_name.get(table)
        columns = ["variant", "run", "seed", "method", "query", "metric", "n", "value"]
        return data[data["metric"] == metric] if data is not None else pd.DataFrame(columns=columns)
