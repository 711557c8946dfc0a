"""Sentences on who finds wrong labels: a winner, ties, plain baselines, and nothing to find."""

import pytest

from tests.helpers.summary_rows import NAN, auroc, said, study


def test_detection():
    found = {"method": "final_loss", "query": "validation_mean", "metric": "found_in_inspected", "value": 0.8}
    made = study(
        detection=[
            auroc("final_loss", 0.97, 0.95, 0.98),
            auroc("hydra_exact", 0.3, 0.25, 0.35),
            found | {"fraction": 0.2},
            found | {"fraction": 0.5, "value": 0.99},
        ],
        noise=[{"metric": "rate", "value": 0.2, "n": 1000}],
    )
    text = said(made, "detection").replace("\u00a0", " ")
    assert "Final loss finds the wrong labels best: AUROC 0.97 [0.95, 0.98]" in text
    assert (
        "Inspecting the 20 % of the training set that it trusts least finds 80 % of the wrong labels" in text
    )
    assert "(guessing finds 20 %, a perfect ranking 100 %)" in text
    assert "Exact HyDRA ranks wrong labels as helpful: worse than guessing." in text


@pytest.mark.parametrize(
    ("rates", "words"),
    [
        ([0.0, 0.0], "There are no wrong labels to find"),
        ([1.0], "Every training label is wrong"),
        ([0.0, 0.1], "With some seeds no training label is wrong"),
        ([0.2, 0.2], "There are no scores to find the wrong labels by."),
        ([], "There are no scores to find the wrong labels by."),
    ],
)
def test_nothing_to_detect(rates, words):
    rows = [{"metric": "rate", "value": rate, "n": 9, "seed": str(s)} for s, rate in enumerate(rates)]
    rows += [{"metric": "rate", "value": sum(rates) / len(rates), "n": 9}] if rates else []
    made = study(detection=[auroc("final_loss", NAN)], noise=rows or [{"metric": "transition", "value": 1.0}])
    assert said(made, "detection").startswith(words)
    assert said(study(), "detection") == ""


def test_all_labels_wrong_is_not_no_label_wrong():
    assert said(study(noise=[{"metric": "rate", "value": 1.0, "n": 500}]), "noise") == (
        "All 500 training labels are wrong."
    )


HYDRA = auroc("hydra_exact", 0.9, 0.88, 0.92)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (
            [HYDRA, auroc("final_loss", 0.97, 0.95, 0.98)],
            "Final loss is a plain baseline, which costs one look at the training data: for wrong labels it is the "
            "first thing to try",
        ),
        (
            [HYDRA, auroc("margin", 0.89, 0.87, 0.91)],
            "Margin, which costs one look at the training data, cannot be told apart from the best: for wrong labels",
        ),
        (
            [HYDRA, auroc("margin", 0.8, 0.78, 0.82), auroc("final_loss", 0.7, 0.6, 0.8)],
            "Exact HyDRA is ahead of Margin, which costs one look at the training data, by 0.10: that is what",
        ),
        (
            [HYDRA, auroc("final_loss", 0.5, 0.4, 0.6)],
            "by 0.40; that baseline does not beat guessing here.",
        ),
        ([auroc("hydra_exact", 0.9), auroc("final_loss", 0.8)], "by 0.10 (no intervals): that is"),
        ([HYDRA, auroc("tracin", 0.8, 0.78, 0.82)], "Neither the final loss nor the margin was measured"),
    ],
)
def test_the_plain_baselines_are_said(rows, words):
    assert words in said(study(detection=rows), "detection")


def test_a_plain_baseline_is_known_by_what_it_runs_and_not_by_its_name():
    rows = [HYDRA, auroc("mine", 0.97, 0.95, 0.98)]
    text = said(study({"mine": "final_loss"}, detection=rows), "detection")
    assert "mine finds the wrong labels best" in text
    assert "mine is a plain baseline" in text
    assert "Neither" in said(
        study({"final_loss": "tracin"}, detection=[HYDRA, auroc("final_loss", 0.9)]), "detection"
    )


def test_no_detector_beats_guessing():
    text = said(
        study(detection=[auroc("final_loss", 0.52, 0.46, 0.58), auroc("random", 0.5, 0.4, 0.6)]), "detection"
    )
    assert text.startswith("No method finds wrong labels better than guessing")
