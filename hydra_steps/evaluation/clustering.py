"""Do the contribution vectors of one class fall into two clusters, the clean and the mislabelled samples?

The samples of each given label are clustered in two, without a look at the truth, and the clusters are compared
with it:

    adjusted_rand       adjusted Rand index of the two partitions: 0 is chance, 1 the same (nothing is selected)
    f1                  harmonic mean of precision and recall of the cluster that matches the mislabelled better
    precision, recall   of that cluster
    share_noisy         share of the mislabelled: the precision of any cluster that knows nothing

The better-matching cluster is selected by the truth, so ``f1`` flatters, chance included: one cluster with everything
in it has recall 1. ``adjusted_rand`` does not select, and random scores are the control.

    kmeans          k-means on the vectors as they are (ten starts)
    kmeans_unit     k-means on the vectors at unit length: by direction alone
    agglomerative   agglomerative clustering by cosine distance, average linkage; its memory is 8 bytes × samples²

Key ``label`` is the given label, empty for the mean over the labels for which the metric is defined, with Student's
95 % interval over these. ``queries`` is the length of the vectors. Undefined (empty): a class without mislabelled
or without clean samples, vectors that are all alike, a method that diverged. Torch-free.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.pairwise import cosine_distances
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
from hydra_steps.tables.seed_intervals import mean_interval
from hydra_steps.tables.tidy import make_table, write_table

METRICS = ("adjusted_rand", "f1", "precision", "recall", "share_noisy")
STARTS = 10
Algorithms = Annotated[Sequence[Literal["kmeans", "kmeans_unit", "agglomerative"]], {"uniqueItems": True}]


@table(
    "clustering",
    title="Clusters of contribution vectors",
    keys=["algorithm", "queries", "label"],
    when="asks == 'class' and labels_known and clustering.algorithms",
    heavy=True,
    seconds="4 * len(labels) * len(runs)",
    order=120,
)
def evaluate_clustering(
    scores: Sequence[Artifact],
    labels: Sequence[Artifact],
    output: str | Path,
    *,
    algorithms: Algorithms = (),
    methods: SomeMethods = None,
    per_class: Annotated[int | None, "4 <= x <= 30000"] = 1000,
    scale_queries: bool = True,
    seed: Seed = 0,
) -> None:
    """Clustering of the contribution vectors (one number for each query about a single test sample) of each given class
    into two, and how the clusters overlap with the truly wrong labels. Off while `algorithms` is empty.

    Writes ``clustering.csv`` from score folders and the ``labels.csv`` of the runs they belong to. The samples drawn
    are the same for all methods.

    Options:
        algorithms: `kmeans` on the vectors as they are; `kmeans_unit` on the vectors scaled to unit length;
            `agglomerative`, average linkage with cosine distance.
        methods: Labels of the methods that take part. null takes all.
        per_class: Training samples of each class that are clustered, drawn once for all methods. null takes all.
            Agglomerative clustering needs its square in memory.
        scale_queries: Divide each query's contributions by their root mean square first, so that all test samples count
            alike; false leaves them as they are.
        seed: Seed of the draw and of k-means.
    """
    tables = {artifact.run.name: read_run_labels(artifact.path) for artifact in labels}
    rows: list[dict[str, Any]] = []
    for artifact in of_labels(scores, methods):
        run, found = artifact.run, read_scores(artifact.path)
        labelled = tables[run.name]
        check_length(found, labelled, artifact.path)
        vectors = contribution_vectors(found, scale_queries)
        given = labelled["label"].to_numpy()[found.scored]
        noisy = labelled["is_noisy"].to_numpy().astype(bool)[found.scored]
        about = run.columns | {"method": artifact.label, "queries": vectors.shape[1]}
        for algorithm in algorithms:
            measured = []
            for label in np.unique(given):
                chosen = draw(np.flatnonzero(given == label), per_class, seed, f"clustering of label {label}")
                clusters = cluster(vectors[chosen], algorithm, seed)
                overlaps = overlap(clusters, noisy[chosen])
                measured.append(overlaps)
                key = about | {"algorithm": algorithm, "label": label, "n": len(chosen)}
                rows += [key | {"metric": metric, "value": overlaps[metric]} for metric in METRICS]
            rows += [about | {"algorithm": algorithm} | row for row in _means(measured)]
    write_table(make_table("clustering", rows), output)


def cluster(vectors: np.ndarray, algorithm: str, seed: int) -> np.ndarray | None:
    """Return the cluster, 0 or 1, of each of the vectors [m, q]; None where they cannot be told apart.

    On one thread, so that the sums, and with them ties, are the same on every number of cores.
    """
    if not np.isfinite(vectors).all():
        return None
    rows = vectors if algorithm == "kmeans" else unit_length(vectors)
    if len(np.unique(rows, axis=0)) < 2:
        return None
    with threadpool_limits(limits=1):
        if algorithm == "agglomerative":
            # From distances: by itself scikit-learn refuses a vector of zeros, which is at a right angle to all here.
            method = AgglomerativeClustering(n_clusters=2, metric="precomputed", linkage="average")
            clusters: np.ndarray = method.fit_predict(cosine_distances(rows))
        else:
            clusters = KMeans(n_clusters=2, n_init=STARTS, random_state=seed).fit_predict(rows)
    return clusters


def overlap(clusters: np.ndarray | None, noisy: np.ndarray) -> dict[str, float]:
    """Return the metrics of a partition [m] in two against the flags [m]; NaN where they are undefined.

    Of two clusters with the same F1 the smaller one counts.

    >>> overlap(np.array([0, 0, 1, 1]), np.array([False, False, True, True]))["adjusted_rand"]
    1.0
    """
    result = dict.fromkeys(METRICS, float("nan"))
    if not len(noisy):
        return result
    result["share_noisy"] = float(noisy.mean())
    if clusters is None or noisy.all() or not noisy.any():
        return result
    result["adjusted_rand"] = float(adjusted_rand_score(noisy, clusters))
    sides = []
    for name in (0, 1):
        inside = clusters == name
        hits, size = int((inside & noisy).sum()), int(inside.sum())
        f1 = 2 * hits / (size + int(noisy.sum()))
        sides.append((f1, -size, hits / max(size, 1), hits / int(noisy.sum())))
    result["f1"], _, result["precision"], result["recall"] = max(sides)
    return result


def _means(measured: Sequence[dict[str, float]]) -> list[dict[str, Any]]:
    rows = []
    for metric in METRICS:
        values = np.array([overlaps[metric] for overlaps in measured])
        values = values[np.isfinite(values)]
        low, high = mean_interval(values)
        value = float(values.mean()) if len(values) else float("nan")
        rows.append({"metric": metric, "n": len(values), "value": value, "ci_low": low, "ci_high": high})
    return rows
