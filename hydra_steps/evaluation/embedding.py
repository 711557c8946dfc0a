"""A picture of the contribution vectors in two dimensions: t-SNE of their directions.

Vectors (one number per query about a single test sample) are brought to unit length, so that near means alike in
whom they help and harm, whatever the size. t-SNE keeps neighbourhoods, not distances: sizes of groups and gaps between
them mean nothing. The table has one row per sample and method: label, clean label, flag, and coordinates, which are
empty where all directions are alike (a score that does not look at the query) or a method diverged. Torch-free.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from hydra_steps.evaluation.vectors import (
    check_length,
    contribution_vectors,
    draw,
    read_run_labels,
    unit_length,
)
from hydra_steps.registry.decorators import table
from hydra_steps.registry.types import Seed, SomeMethods
from hydra_steps.scoring.store import read_scores
from hydra_steps.tables.layout import Artifact, of_labels
from hydra_steps.tables.tidy import write_table

COLUMNS = (
    *("variant", "run", "seed", "method", "index", "label", "clean_label", "is_noisy", "queries"),
    *("x", "y"),
)


@table(
    "embedding",
    title="Contribution vectors in two dimensions",
    when="asks == 'class' and embedding.samples > 0",
    runs="first",
    large=True,
    heavy=True,
    seconds="5 * len(labels) * len(runs) * embedding.samples / 1000",
    order=130,
)
def embed_contributions(
    scores: Sequence[Artifact],
    labels: Sequence[Artifact],
    output: str | Path,
    *,
    samples: Annotated[int, "0 <= x <= 20000"] = 0,
    methods: SomeMethods = None,
    perplexity: Annotated[float, "1 <= x <= 1000"] = 30.0,
    scale_queries: bool = True,
    seed: Seed = 0,
) -> None:
    """A picture of the contribution vectors, scaled to unit length, in two dimensions by t-SNE, on the lowest seed of
    each variant. Off while `samples` is 0.

    Writes ``embedding.csv`` from score folders and the ``labels.csv`` of the runs they belong to. The samples drawn are
    the same for all methods of a run. O(n log n).

    Options:
        samples: Training samples in the picture, drawn once for all methods. About 3 seconds for each 1,000 and method.
        methods: Labels of the methods that take part. null takes all.
        perplexity: Effective number of neighbours in t-SNE, at most a third of the samples.
        scale_queries: Divide each query's contributions by their root mean square first, so that all test samples count
            alike; false leaves them as they are.
        seed: Seed of the draw and of t-SNE.
    """
    tables = {artifact.run.name: read_run_labels(artifact.path) for artifact in labels}
    parts = []
    for artifact in of_labels(scores, methods):
        run, found = artifact.run, read_scores(artifact.path)
        check_length(found, tables[run.name], artifact.path)
        vectors = contribution_vectors(found, scale_queries)
        chosen = draw(np.arange(len(vectors)), samples, seed, "samples of the embedding")
        position = found.scored[chosen]
        part = tables[run.name].iloc[position][["label", "clean_label", "is_noisy"]].reset_index(drop=True)
        places = embed(vectors[chosen], perplexity, seed)
        about = run.columns | {"method": artifact.label, "queries": vectors.shape[1]}
        parts.append(part.assign(**about, index=position, x=places[:, 0], y=places[:, 1]))
    whole = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))
    write_table(whole[list(COLUMNS)], output)


def embed(vectors: np.ndarray, perplexity: float, seed: int) -> np.ndarray:
    """Return places [m, 2] of the vectors [m, q]; NaN where they cannot be told apart or are not finite.

    The perplexity is at most a third of the samples. One thread, so that the sums are the same on every number of
    cores.
    """
    nowhere = np.full((len(vectors), 2), np.nan)
    if not np.isfinite(vectors).all():
        return nowhere
    rows = unit_length(vectors)
    if len(np.unique(rows, axis=0)) < 4:
        return nowhere
    near = min(perplexity, (len(rows) - 1) / 3)
    with threadpool_limits(limits=1):
        places: np.ndarray = TSNE(perplexity=near, init="pca", random_state=seed).fit_transform(rows)
    return places.astype(np.float64).round(3)
