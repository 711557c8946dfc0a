"""The picture of the contribution vectors: neighbours stay neighbours, and what has no direction has no place."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from hydra_steps.evaluation.embedding import COLUMNS, embed, embed_contributions
from hydra_steps.tables.tidy import read_table
from tests.evaluation.test_clustering import QUERIES, two_directions


def test_groups_of_directions_lie_together():
    vectors, noisy = two_directions(120, 0.4, 0.1)
    places = embed(vectors, 10, 0)
    _, near = NearestNeighbors(n_neighbors=4).fit(places).kneighbors(places)
    assert (noisy[near[:, 1:]] == noisy[:, None]).mean() > 0.97
    assert np.array_equal(embed(vectors, 10, 0), places)


@pytest.mark.parametrize("vectors", [np.ones((9, 4)), np.full((9, 4), np.inf), np.zeros((9, 4))])
def test_what_has_no_direction_has_no_place(vectors):
    assert np.isnan(embed(vectors, 3, 0)).all()


def test_the_table(study, tmp_path):
    vectors, noisy = two_directions(60, 0.4, 0.1)
    labels = [study.labels(noisy, clean=np.arange(60) % 3, label=np.arange(60) % 2)]
    same = np.repeat(np.random.default_rng(0).uniform(1, 2, (1, 60)), 6, axis=0)
    scores = [
        study.scores("m", vectors.T, QUERIES),
        study.scores("final_loss", same, QUERIES, unit="rank only"),
    ]
    for name in ("a.csv", "b.csv"):
        embed_contributions(scores, labels, tmp_path / name, samples=40, perplexity=30)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    table = read_table(tmp_path / "a.csv")
    assert tuple(table.columns) == COLUMNS
    drawn = {m: table[table["method"] == m].set_index("index") for m in ("m", "final_loss")}
    assert set(drawn["m"].index) == set(drawn["final_loss"].index)
    assert len(drawn["m"]) == 40
    assert drawn["final_loss"]["x"].isna().all()
    assert drawn["m"][["x", "y"]].notna().all().all()
    for index, row in drawn["m"].iterrows():
        assert (row["label"], row["clean_label"], row["is_noisy"]) == (
            index % 2,
            index % 3,
            noisy[int(index)],
        )
