"""LDS by the size of the removal: the rows of ``counterfactual.csv`` beside what methods were made for."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hydra_steps.config.resolve import resolve_study
from hydra_steps.evaluation.counterfactual import evaluate_counterfactual
from hydra_steps.evaluation.removal_sizes import evaluate_removal_sizes
from hydra_steps.plan.names import study_names
from hydra_steps.plan.tables import plan_tables
from hydra_steps.report.removal_sizes import removal_sizes
from tests.helpers.variant_tables import variant_tables

QUERIES = ("test_sample_0", "test_sample_1")
STUDY = {
    "methods": {
        "hydra_exact": {},
        "half": {"method": "hydra_centred"},
        "tenth": {"method": "hydra_centred", "fraction": 0.1},
        "hydra_integrated": {},
    },
    "counterfactual": {
        "groups": 12,
        "fraction": 0.1,
        "designs": {
            "halves": {"kind": "random_groups", "groups": 12, "fraction": 0.5},
            "anew": {"kind": "random_groups", "groups": 12, "fraction": 0.5, "seeds": 3},
            "singles": {"kind": "leave_one_out", "groups": 10, "choice": "random"},
        },
    },
}


def test_a_plan_knows_designs_and_what_methods_were_made_for():
    study = resolve_study(STUDY)
    names = study_names(study)
    assert names["random_designs"] == {
        "groups": {"fraction": 0.1, "from_seeds": False, "on_subsets": False},
        "halves": {"fraction": 0.5, "from_seeds": False, "on_subsets": False},
        "anew": {"fraction": 0.5, "from_seeds": True, "on_subsets": False},
    }
    assert names["predicts"] == {"hydra_exact": 0.0, "half": 0.5, "tenth": 0.1, "hydra_integrated": 0.5}
    assert "removal_sizes" in plan_tables(study)
    assert "removal_sizes" not in plan_tables(resolve_study({}))


def test_every_size_beside_the_ceiling_and_in_words(study, tmp_path):
    """Real changes of halves follow one score, those of tenths another; two draws of the tenths agree in part."""
    random = np.random.default_rng(0)
    scores = {"hydra_exact": random.normal(size=(2, 60)), "half": random.normal(size=(2, 60))}
    outcomes = []
    for design, size, label in (("groups", 6, "hydra_exact"), ("halves", 30, "half")):
        groups = [random.permutation(60)[:size] for _ in range(12)]
        change = np.array([[row[group].sum() for row in scores[label]] for group in groups])
        more = {"draws": change + random.normal(size=(2, 12, 2))} if design == "groups" else {}
        outcomes.append(study.outcomes(design, groups, change, queries=QUERIES, **more))
    found = [study.scores(label, values, queries=QUERIES) for label, values in scores.items()]
    evaluate_counterfactual(found, outcomes, tmp_path / "counterfactual.csv", tmp_path / "points.csv")
    names = study_names(resolve_study(STUDY))
    output = tmp_path / "removal_sizes.csv"
    evaluate_removal_sizes(
        counterfactual_table=tmp_path / "counterfactual.csv",
        output=output,
        designs=names["random_designs"],
        predicts=names["predicts"],
    )
    table = pd.read_csv(output, keep_default_na=False, dtype=str)
    lds = table[(table["metric"] == "lds") & (table["seed"] == "all") & (table["query"] == QUERIES[0])]
    values = lds.set_index(["method", "fraction"])["value"].astype(float)
    assert values["half", "0.5"] == pytest.approx(1)
    assert values["half", "0.1"] < 0.8
    assert values["hydra_exact", "0.5"] < 0.8
    assert set(lds["predicts"]) == {"0", "0.5"}
    assert set(table.loc[table["metric"] == "ceiling", "fraction"]) == {"0.1"}
    sentences = [f.text for f in removal_sizes(variant_tables({"removal_sizes": _typed(table)}))]
    assert len(sentences) == 2
    assert sentences[1].startswith("No score here was made for leaving out 10")
    assert sentences[0].startswith("Leaving out 50")
    assert "half reaches a mean LDS of 1.00, made for that; of those made for small groups" in sentences[0]


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    numbers = ["fraction", "predicts", "n", "value", "ci_low", "ci_high", "sd_seeds"]
    return table.assign(**{name: pd.to_numeric(table[name]) for name in numbers})
