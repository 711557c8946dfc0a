"""The queries of the study, one row each in its order: what each is about, and its words. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hydra_steps.registry.decorators import table
from hydra_steps.scoring.store import read_queries
from hydra_steps.tables.layout import Artifact
from hydra_steps.tables.queries import write_queries_table


@table("queries", title="Queries", order=15)
def describe_queries(scores: Sequence[Artifact], output: str | Path) -> None:
    """Write ``queries.csv`` from score folders: the queries that any of them answers."""
    write_queries_table((query for artifact in scores for query in read_queries(artifact.path)), output)
