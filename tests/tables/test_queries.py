"""Queries have words, and one stands for the study, by what they are about and not by their names."""

from hydra_steps.queries.query import Query
from hydra_steps.tables.queries import Queries, read_queries_table, write_queries_table
from tests.helpers.queries import queries_named

NAMES = ["test_sample_1", "validation_mean", "test_mean", "test_margin_0", "validation_class_3"]


def test_queries_in_words(tmp_path):
    write_queries_table(queries_named(NAMES), tmp_path / "queries.csv")
    queries = read_queries_table(tmp_path / "queries.csv")
    assert list(queries) == queries_named(NAMES)
    assert [queries.words(name) for name in NAMES] == [
        "loss of test sample 1",
        "mean validation loss",
        "mean test loss",
        "margin of test sample 0",
        "validation loss, class 3",
    ]
    assert queries.words("mean_over_queries") == "mean over all queries"
    assert queries.words("something_else") == "something else"


def test_the_query_that_stands_for_the_study():
    queries = Queries(queries_named(NAMES))
    present = [*NAMES, "mean_over_queries"]
    assert queries.main(present) == "test_mean"
    assert queries.detection(present) == "validation_mean"
    assert queries.detection(["test_mean"]) == "test_mean"
    assert queries.main(["test_sample_9", "test_sample_1"]) == "test_sample_1"
    assert queries.main([]) is None


def test_names_mean_nothing():
    queries = Queries(
        [Query("test_mean", "odd", "class", "test", 1, "an odd query"), *queries_named(NAMES[1:2])]
    )
    assert not queries.is_mean("test_mean")
    assert queries.main(["test_mean", "validation_mean"]) == "validation_mean"
