"""Which queries are about single test samples is read off their names."""

import pytest

from hydra_steps.queries.single_queries import single_test_queries


@pytest.mark.parametrize(
    ("queries", "found"),
    [
        ([], {}),
        (["test_mean", "test_class_3", "validation_sample_1", "train_sample_2"], {}),
        (["test_sample_7", "test_mean", "test_sample_2"], {"test_sample_7": 7, "test_sample_2": 2}),
        (["test_margin_4", "test_sample_7"], {"test_sample_7": 7}),
        (["test_sample_7", "test_margin_4", "test_margin_1"], {"test_margin_4": 4, "test_margin_1": 1}),
    ],
)
def test_single_test_queries(queries, found):
    assert single_test_queries(queries) == found
    assert list(single_test_queries(queries)) == list(found)
