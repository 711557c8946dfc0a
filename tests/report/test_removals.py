"""Sentences about removal curves and brittleness."""

from tests.report.test_findings import NAN, said, study


def accuracy(method, value, low=NAN, high=NAN, fraction=0.8, side="most_harmful"):
    query = "" if method in ("random_order", "oracle") else "validation_mean"
    key = {"method": method, "query": query, "metric": "test_accuracy", "side": side, "fraction": fraction}
    return key | {"n": 5, "value": value, "ci_low": low, "ci_high": high}


WHOLE = [accuracy(method, 0.7, 0.68, 0.72, 0.0) for method in ("hydra_exact", "random_order", "oracle")]
RANDOM = accuracy("random_order", 0.6, 0.58, 0.62)
ORACLE = accuracy("oracle", 0.95, 0.94, 0.96)


def test_the_best_against_the_controls():
    rows = [*WHOLE, accuracy("hydra_exact", 0.9, 0.88, 0.92), accuracy("influence_cg", 0.8, 0.78, 0.82)]
    text = said(study(removal=[*rows, RANDOM, ORACLE]), "removal")
    assert "Without the 80\u00a0% that Exact HyDRA ranks most harmful by contribution to the" in text
    assert "reaches 90\u00a0% [88\u00a0%, 92\u00a0%] on the test set (highest of 2 methods" in text
    assert "random order 60\u00a0%" in text
    assert "oracle (true noise) 95\u00a0%" in text
    assert "nothing removed 70\u00a0%" in text
    assert "no better than" not in text
    assert "cannot be told apart" not in text


def test_no_better_than_random_and_as_good_as_the_oracle():
    text = said(study(removal=[*WHOLE, accuracy("hydra_exact", 0.61, 0.59, 0.63), RANDOM, ORACLE]), "removal")
    assert "no better than removing at random" in text
    text = said(study(removal=[*WHOLE, accuracy("hydra_exact", 0.94, 0.93, 0.95), RANDOM, ORACLE]), "removal")
    assert "cannot be told apart from removing by the true labels" in text


def test_removing_nothing_is_better():
    text = said(study(removal=[*WHOLE, accuracy("hydra_exact", 0.64, 0.63, 0.65), RANDOM]), "removal")
    assert "Removing nothing is better" in text
    text = said(study(removal=[*WHOLE, accuracy("hydra_exact", 0.69, 0.67, 0.71), RANDOM]), "removal")
    assert "Removing nothing" not in text


def test_removing_the_helpful_should_hurt():
    rows = [
        accuracy("hydra_exact", 0.3, 0.28, 0.32, side="most_helpful"),
        accuracy("random_order", 0.6, 0.58, 0.62, side="most_helpful"),
    ]
    text = said(study(removal=rows), "removal")
    assert "ranks most helpful" in text
    assert "of 1 method" not in text
    assert "on the test set (mean of 5 fresh trainings); random order 60" in text
    assert "no better" not in text


def test_no_rows_no_sentence():
    assert said(study(removal=[RANDOM]), "removal") == ""
    assert said(study(), "removal", "brittleness") == ""


def flips(method, share, median):
    rows = [("flipped", share), ("median_smallest_group", median)]
    base = {"method": method, "query": "mean_over_queries", "n": 6, "fraction": 0.5}
    return [base | {"metric": metric, "value": value} for metric, value in rows]


def test_the_smallest_groups():
    rows = [*flips("hydra_exact", 1.0, 12), *flips("influence_cg", 0.8, 40), *flips("random_order", 0.5, 500)]
    text = said(study(brittleness=rows), "brittleness")
    assert "Exact HyDRA finds the smallest groups that flip a prediction: a median of 12 samples" in text
    assert "over 6 correct predictions, 100\u00a0% of them flipped; in random order it takes 500" in text
    assert "Influence (CG) 40" in text
    assert "Not told apart" not in text


def test_medians_that_cannot_be_told_apart():
    rows = [
        row | {"ci_low": 8, "ci_high": 50} for row in flips("hydra_exact", 1.0, 12) + flips("tracin", 1.0, 20)
    ]
    assert "Not told apart from it: TracIn." in said(study(brittleness=rows), "brittleness")


def test_half_never_flip():
    rows = [*flips("hydra_exact", 0.4, NAN), *flips("random_order", 0.0, NAN)]
    text = said(study(brittleness=rows), "brittleness")
    assert text == "Exact HyDRA flips 40\u00a0% of 6 correct predictions, too few for a median size."
    text = said(study(brittleness=[*rows, *flips("tracin", 0.2, NAN)]), "brittleness")
    assert text == "No method flips half of 6 correct predictions; Exact HyDRA flips most of them, 40\u00a0%."
