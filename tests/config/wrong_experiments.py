"""Wrong wishes of what is done with scores (designs, removals, flips, the explorer, figures); see
:mod:`tests.config.wrong_studies`."""

from __future__ import annotations

from typing import Any

WRONG_EXPERIMENTS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "an empty group": (
        {"counterfactual": {"fraction": 0.0001}},
        ("0.0001", "1000 training samples", "fraction"),
    ),
    "clusters without vectors": (
        {"clustering": {"algorithms": ["kmeans"]}, "queries": [{"kind": "mean_loss"}]},
        ("clustering.algorithms", "0 such queries", "count: 20"),
    ),
    "a picture of vectors of two kinds": (
        {
            "embedding": {"samples": 50},
            "queries": [
                {"kind": "sample_loss", "samples": [3]},
                {"kind": "sample_margin", "samples": [4]},
            ],
        },
        ("embedding.samples", "1 such queries of one kind", "at least 2"),
    ),
    "clusters of a method that is not there": (
        {"clustering": {"algorithms": ["kmeans"], "methods": ["rando"]}},
        ("clustering.methods", "rando", "did you mean 'random'"),
    ),
    "classes without class queries": (
        {"class_contributions": {"queries": "class_loss"}},
        ("class_contributions.queries", "no test class", "{kind: class_loss, split: test}"),
    ),
    "extremes of a query that is not there": (
        {"extremes": {"queries": ["test_men"]}},
        ("extremes.queries", "test_men", "did you mean 'test_mean'"),
    ),
    "whom a sample helps, without single samples": (
        {"extremes": {"queries": ["test_mean"]}, "queries": [{"kind": "mean_loss"}]},
        ("extremes.training_samples", "set extremes.training_samples to 0"),
    ),
    "a design by a method that is not there": (
        {
            "counterfactual": {
                "designs": {
                    "top": {"kind": "top_groups", "groups": 4, "fraction": 0.1, "side": "most_helpful"}
                }
            }
        },
        ("counterfactual.designs.top", "method"),
    ),
    "a query that no method scores": (
        {
            "counterfactual": {
                "designs": {
                    "one": {
                        "kind": "leave_one_out",
                        "groups": 4,
                        "choice": "largest",
                        "method": "random",
                        "query": "test_men",
                    }
                }
            }
        },
        ("counterfactual.designs.one.query", "test_men", "did you mean 'test_mean'"),
    ),
    "more groups than there are": (
        {
            "data": {"train": 100},
            "counterfactual": {
                "designs": {"one": {"kind": "leave_one_out", "groups": 101, "choice": "random"}}
            },
        },
        ("counterfactual.designs.one.groups", "101 groups of 1 of 100", "at most 100"),
    ),
    "a group of everything": (
        {"data": {"train": 100}, "counterfactual": {"fraction": 0.999}},
        ("counterfactual.fraction", "0.999 of 100", "a group of 100", "1 to 99"),
    ),
    "removing all but a few": (
        {"data": {"train": 100}, "removal": {"fractions": [0.5, 0.95]}},
        ("removal.fractions", "0.95 of 100 training samples leaves 5 for 10 classes", "lower"),
    ),
    "removing everything": ({"removal": {"fractions": [1]}}, ("removal.fractions[0]", "1", "below 1")),
    "removal by a query that is not there": (
        {"removal": {"fractions": [0.5], "query": "validation_men"}},
        ("removal.query", "validation_men", "did you mean 'validation_mean'"),
    ),
    "known and unknown clean labels": (
        {"variants": {"a": {"noise": {"kind": "unknown"}}, "b": {}}},
        ("noise.kind", "known of b and not of a", "two studies"),
    ),
    "the oracle without clean labels": (
        {"noise": {"kind": "unknown"}, "removal": {"fractions": [0.5]}},
        ("removal.controls", "oracle", "not known"),
    ),
    "a label for a method that is not there": (
        {"figures": {"labels": {"hydra_exat": "Exact"}}},
        ("figures.labels.hydra_exat", "no such method", "did you mean 'hydra_exact'"),
    ),
    "a colour for a method that is not there": (
        {"figures": {"colours": {"mine": "#000000"}}},
        ("figures.colours.mine", "no such method", "oracle"),
    ),
    "a label without a letter": (
        {"figures": {"labels": {"random": ""}}},
        ("figures.labels.random", "non-empty"),
    ),
    "removal by a method that is not there": (
        {"removal": {"fractions": [0.5], "methods": ["hydra_exat"]}},
        ("removal.methods", "hydra_exat", "did you mean 'hydra_exact'"),
    ),
    "flips of a mean": (
        {"brittleness": {"queries": ["test_mean"]}},
        ("brittleness.queries", "test_mean", "one test sample"),
    ),
    "flips of a sample that is not asked about": (
        {"brittleness": {"queries": ["test_sample_9"]}},
        ("brittleness.queries", "test_sample_9", "not among the study's queries"),
    ),
    "a method with the name of a control": (
        {"methods": {"oracle": {"method": "random"}}},
        ("methods.oracle", "control", "rename"),
    ),
}
