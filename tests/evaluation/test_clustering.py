"""Clusters of contribution vectors against the truth: known partitions, separable vectors, chance, the undefined."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from hydra_steps.errors import StudyError
from hydra_steps.evaluation.clustering import METRICS, cluster, evaluate_clustering, overlap
from hydra_steps.tables.tidy import read_table

ALGORITHMS = ["kmeans", "kmeans_unit", "agglomerative"]
QUERIES = [f"test_sample_{i}" for i in range(6)]


def two_directions(n, share, spread, seed=0):
    """Vectors [n, 6] of two directions and of lengths over two orders of magnitude; the first ``share`` are noisy."""
    random = np.random.default_rng(seed)
    noisy = np.arange(n) < share * n
    direction = np.where(noisy[:, None], [1, -1, 1, -1, 0, 0], [1, 1, 0, 0, 1, -1])
    length = 10 ** random.uniform(-2, 0, size=(n, 1))
    return length * (direction + spread * random.standard_normal((n, 6))), noisy


def test_overlap_by_hand():
    clusters = np.array([0, 0, 0, 1, 1, 1, 1, 1])
    noisy = np.array([1, 1, 0, 1, 0, 0, 0, 0], bool)
    found = overlap(clusters, noisy)
    assert found["precision"] == pytest.approx(2 / 3)
    assert found["recall"] == pytest.approx(2 / 3)
    assert found["f1"] == pytest.approx(f1_score(noisy, clusters == 0))
    assert found["share_noisy"] == 3 / 8
    assert found == overlap(1 - clusters, noisy)  # the clusters' numbers mean nothing


def test_the_better_matching_cluster_is_chosen_and_rand_is_not():
    noisy = np.arange(100) < 30
    same = overlap(noisy.astype(int), noisy)
    assert same["f1"] == same["precision"] == same["recall"] == same["adjusted_rand"] == 1
    everything = overlap(np.zeros(100, int), noisy)
    assert everything["recall"] == 1
    assert everything["precision"] == everything["share_noisy"] == 0.3
    assert everything["adjusted_rand"] == 0


@pytest.mark.parametrize("algorithm", ["kmeans_unit", "agglomerative"])
def test_directions_are_found_whatever_the_lengths(algorithm):
    vectors, noisy = two_directions(200, 0.3, 0.1)
    assert overlap(cluster(vectors, algorithm, 0), noisy)["adjusted_rand"] == 1
    assert overlap(cluster(vectors * 1e-9, algorithm, 0), noisy)["adjusted_rand"] == 1
    assert overlap(cluster(vectors, "kmeans", 0), noisy)["adjusted_rand"] < 0.9  # by length, not by direction


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_cannot_be_told_apart_is_undefined(algorithm):
    assert cluster(np.ones((5, 3)), algorithm, 0) is None
    assert cluster(np.full((5, 3), np.nan), algorithm, 0) is None
    one = cluster(np.array([[0.0, 0.0], [1.0, 2.0], [1.0, 2.0]]), algorithm, 0)
    assert one[1] == one[2] != one[0]  # a vector of zeros has no direction, and is no error
    assert np.isnan(overlap(one, np.array([True, True, True]))["adjusted_rand"])


def test_the_same_score_for_every_query_has_no_direction():
    values = np.random.default_rng(0).uniform(1, 2, size=(50, 1)).astype(np.float32)
    vectors = np.repeat(values, 7, axis=1) / np.linspace(1, 3, 7)
    assert cluster(vectors, "kmeans_unit", 0) is None
    assert cluster(vectors, "agglomerative", 0) is None
    assert cluster(vectors, "kmeans", 0) is not None


def test_the_table(study, tmp_path):
    vectors, noisy = two_directions(300, 0.3, 0.1)
    given = np.arange(300) % 3
    labels = [study.labels(noisy, run=f"base-seed{s}", label=given) for s in (0, 1)]
    rng = np.random.default_rng(5)
    scores = []
    for s in (0, 1):
        mean = np.zeros((1, 300))
        queries = ["test_mean", *QUERIES]
        scores.append(study.scores("m", np.vstack([mean, vectors.T]), queries, f"base-seed{s}"))
        scores.append(
            study.scores("random", rng.standard_normal((7, 300)), queries, f"base-seed{s}", unit="rank only")
        )
    for name in ("a.csv", "b.csv"):
        evaluate_clustering(scores, labels, tmp_path / name, algorithms=ALGORITHMS, per_class=50)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    table = read_table(tmp_path / "a.csv")
    assert set(table["metric"]) == set(METRICS)
    assert set(table["queries"]) == {6}
    classes = table[table["label"].notna()]
    assert set(classes["label"]) == {0, 1, 2}
    assert set(classes["n"]) == {50}
    summary = table[(table["seed"] == "all") & table["label"].isna() & (table["metric"] == "adjusted_rand")]
    value = summary.set_index(["method", "algorithm"])["value"]
    assert value["m", "kmeans_unit"] == value["m", "agglomerative"] == 1
    assert abs(value["random", "kmeans_unit"]) < 0.1
    means = table[(table["seed"] == "0") & table["label"].isna()]
    assert set(means["n"]) == {3}  # classes
    row = means[(means["method"] == "random") & (means["algorithm"] == "kmeans")].set_index("metric")
    low, middle, high = row.loc["f1", ["ci_low", "value", "ci_high"]]
    assert low <= middle <= high


def test_a_method_that_diverged_leaves_its_cells_empty(study, tmp_path):
    noisy = np.arange(20) < 5
    scores = [study.scores("m", np.full((6, 20), np.nan), QUERIES)]
    evaluate_clustering(scores, [study.labels(noisy)], tmp_path / "c.csv", algorithms=["kmeans"])
    table = read_table(tmp_path / "c.csv").set_index("metric")
    assert table.loc["adjusted_rand", "value"].isna().all()
    assert (table.loc["share_noisy", "value"] == 0.25).all()


def test_every_query_counts_alike_where_queries_are_scaled(study, tmp_path):
    vectors, noisy = two_directions(100, 0.4, 0.1)
    unequal = vectors * np.array([1, 1, 1, 1, 1, 1e6])
    scores, labels = [study.scores("m", unequal.T, QUERIES)], [study.labels(noisy)]
    found = {}
    for scaled in (True, False):
        path = tmp_path / f"{scaled}.csv"
        evaluate_clustering(scores, labels, path, algorithms=["kmeans_unit"], scale_queries=scaled)
        table = read_table(path)
        found[scaled] = table[table["metric"] == "adjusted_rand"]["value"].iloc[0]
    assert found[True] == 1
    assert found[False] < 0.5


def test_too_few_queries_and_foreign_labels_are_refused(study, tmp_path):
    labels = [study.labels(np.zeros(4, bool))]
    with pytest.raises(StudyError, match="at least 2"):
        evaluate_clustering(
            [study.scores("m", np.ones((1, 4)))], labels, tmp_path / "c.csv", algorithms=["kmeans"]
        )
    with pytest.raises(StudyError, match="belong to one run"):
        evaluate_clustering(
            [study.scores("n", np.ones((6, 5)), QUERIES)], labels, tmp_path / "c.csv", algorithms=["kmeans"]
        )
