"""Sentences by rule: for any outcome, ties and missing numbers included, they say what the tables say and no more."""

import pandas as pd
import pytest

from hydra_steps.report.findings import claims
from hydra_steps.report.variant_tables import VariantTables
from hydra_steps.report.words import duration, listing, number, percent
from tests.helpers.summary_rows import NAN, auroc, lds, said, study


def test_a_clear_winner():
    text = said(
        study(
            counterfactual=[
                lds("hydra_exact", 0.994, 0.98, 0.998),
                lds("influence_cg", 0.6, 0.4, 0.75),
                lds("random", 0.02, -0.3, 0.3),
                lds("hydra_exact", 1.02, metric="slope"),
            ]
        ),
        "counterfactual",
    )
    assert "Exact HyDRA predicts re-training best: LDS 0.99 [0.98, 1.00]" not in text  # 0.998 is not 1.00
    assert "LDS 0.994 [0.980, 0.998] (mean test loss, 40 groups left out)" in text
    assert "Behind: Influence (CG) 0.60." in text
    assert "right size, too (slope 1.02" in text
    assert "Random scores give 0.02 [−0.30, 0.30], no different from zero" in text


def test_overlapping_intervals_are_a_tie():
    text = said(
        study(counterfactual=[lds("hydra_exact", 0.9, 0.8, 0.95), lds("tracin", 0.8, 0.7, 0.85)]),
        "counterfactual",
    )
    assert "Exact HyDRA comes first in predicting re-training: LDS 0.90" in text
    assert "TracIn (0.80 [0.70, 0.85]) cannot be told apart from it" in text
    assert "best" not in text
    assert "Behind" not in text


def test_without_intervals_only_the_order_is_claimed():
    text = said(study(counterfactual=[lds("hydra_exact", 0.9), lds("tracin", 0.8)]), "counterfactual")
    assert "Behind, without intervals to judge by: TracIn 0.80." in text
    assert "[" not in text


def test_the_spread_over_seeds_stands_in_for_a_missing_interval():
    rows = [lds("hydra_exact", 0.9) | {"sd_seeds": 0.05}, lds("tracin", 0.82) | {"sd_seeds": 0.05}]
    assert "cannot be told apart" in said(study(counterfactual=rows), "counterfactual")


def test_nobody_beats_chance():
    rows = [lds("hydra_exact", 0.2, -0.1, 0.5), lds("random", 0.25, -0.05, 0.5)]
    text = said(study(counterfactual=rows), "counterfactual")
    assert text == (
        "No method predicts re-training better than chance: the highest LDS is 0.25 [−0.05, 0.50] "
        "(Random; mean test loss, 40 groups left out)."
    )


def test_a_weak_best_and_an_exact_method_that_disappoints_are_said():
    rows = [lds("tracin", 0.4, 0.3, 0.5), lds("hydra_exact", 0.1, 0.0, 0.2)]
    text = said(study(counterfactual=rows), "counterfactual")
    assert "Even the best is weak" in text
    assert "Exact HyDRA, the derivative of training itself, reaches only 0.10" in text


def test_a_single_method_is_not_called_best():
    text = said(study(counterfactual=[lds("tracin", 0.4, 0.3, 0.5)]), "counterfactual")
    assert "TracIn, the only method measured, reaches an LDS of 0.40" in text
    assert "best:" not in text


def test_random_scores_that_correlate_by_chance_are_a_warning():
    rows = [lds("hydra_exact", 0.9, 0.8, 0.95), lds("random", 0.3, 0.1, 0.5)]
    assert "read small differences with care" in said(study(counterfactual=rows), "counterfactual")


@pytest.mark.parametrize(
    ("slope", "words"),
    [
        (2.0, "too small by a factor of about 2.0"),
        (0.5, "too large by a factor of about 2.0"),
        (-0.3, "not to be trusted"),
        (1.05, "have the right size"),
    ],
)
def test_size_of_the_predictions(slope, words):
    rows = [lds("hydra_exact", 0.9, 0.8, 0.95), lds("hydra_exact", slope, metric="slope")]
    assert words in said(study(counterfactual=rows), "counterfactual")


def test_contrast_only_where_both_have_a_winner_and_it_differs():
    better = [lds("hydra_exact", 0.9, 0.8, 0.95), lds("final_loss", 0.1, 0.0, 0.2)]
    detector = [auroc("hydra_exact", 0.7, 0.65, 0.75), auroc("final_loss", 0.9, 0.85, 0.95)]
    assert "different skills" in said(study(counterfactual=better, detection=detector), "contrast")
    level = [auroc("hydra_exact", 0.9, 0.85, 0.95), auroc("final_loss", 0.9, 0.85, 0.95)]
    assert said(study(counterfactual=better, detection=level), "contrast") == ""
    chance = [lds("hydra_exact", 0.1, -0.1, 0.2), lds("final_loss", 0.0, -0.2, 0.2)]
    assert said(study(counterfactual=chance, detection=detector), "contrast") == ""


def test_training_noise_and_agreement():
    runs = [
        {"metric": "test_accuracy", "epoch": 5, "seed": str(s), "value": v} for s, v in ((0, 0.9), (1, 0.92))
    ]
    made = study(
        training=runs,
        noise=[{"metric": "rate", "value": 0.0, "n": 500}],
        agreement=[
            lds("tracin", 0.4, metric="spearman"),
            lds("random", 0.0, metric="spearman"),
            lds("tracin", 0.1, metric="sign_disagreement"),
        ],
    )
    text = said(made, "training", "noise", "agreement", "seeds").replace("\u00a0", " ")
    assert (
        "After 5 epochs the model classifies 91 % of the test set correctly (mean of 2 seeds, 90 % to 92 %)."
        in text
    )
    assert "All 500 training labels are the clean ones." in text
    assert "Closest to exact HyDRA is TracIn: Spearman ρ 0.40 over 40 samples for the mean test loss" in text
    assert "10 % of the signs differ" in text
    assert "one seed" not in text


def test_one_seed_is_said():
    one = study(training=[{"metric": "test_accuracy", "epoch": 1, "seed": "0", "value": 0.5}])
    assert "one seed" in said(one, "seeds")


def test_words():
    assert [number(0.996), number(1.0), number(-0.001), number(NAN)] == ["0.996", "1.00", "0.00", "undefined"]
    assert [percent(x).replace("\u00a0", " ") for x in (0.2, 0.197, 1.0, 0.9999)] == [
        "20 %",
        "19.7 %",
        "100 %",
        "99.99 %",
    ]
    assert [listing([]), listing(["a"]), listing(["a", "b", "c"])] == ["", "a", "a, b and c"]
    assert [duration(0.42), duration(12.3), duration(240), duration(9000)] == [
        "0.42 s",
        "12 s",
        "4.0 min",
        "2.5 h",
    ]


def test_each_claim_of_the_paper_is_one_sentence():
    table = pd.DataFrame(
        {
            "claim": ["2", "2"],
            "statement": ["It is better"] * 2,
            "against": ["influence_cg", "all"],
            "verdict": ["holds", "holds in 1 of 2: base against influence_cg"],
        }
    )
    assert [f.text for f in claims(VariantTables({"claims": table}))] == [
        "Claim 2. It is better: holds in 1 of 2: base against influence_cg."
    ]
    assert claims(VariantTables({})) == []


def status(method, seed, kind="scored", reason=""):
    return {"method": method, "seed": seed, "status": kind, "reason": reason, "metric": "", "value": NAN}


def test_a_method_without_scores_is_said_with_its_reason():
    reason = "all 60 training labels are of one class; expected: two; what to do: look"
    rows = [status("datalab", seed, "unsuited", reason) for seed in ("0", "1", "all")]
    rows += [status("influence_cg", "0"), status("influence_cg", "1", "diverged", "it grew")]
    rows += [status("influence_cg", "all", "diverged in 1 of 2 runs", "it grew")]
    rows += [status("final_loss", seed) for seed in ("0", "1", "all")]
    assert said(study(statuses=rows), "statuses") == (
        "Datalab has no scores: all 60 training labels are of one class. "
        "Influence (CG) has no scores in 1 of 2 runs: it grew."
    )
    assert said(study(statuses=rows[-3:]), "statuses") == ""


def test_that_the_clean_labels_are_not_known_is_said():
    rows = [{"method": "margin", "query": "test_mean", "rank": rank} for rank in (1, 2, 3)]
    text = said(study(suspects=rows), "noise", "detection", "contrast", "suspects")
    assert text == (
        "Which labels are wrong is not known, so no score is measured by whether it finds them; the table of suspected "
        "labels lists the 3 training samples with the lowest contribution by each method, to be looked at."
    )
    assert said(study(noise=[{"metric": "rate", "value": 0.0}]), "suspects") == ""
    empty = VariantTables({"suspects": pd.DataFrame(columns=["method", "query", "rank"])})
    assert said(empty, "suspects").endswith("by whether it finds them.")
