"""Sweeps are found in a study, chosen on the validation queries, and judged on the test queries."""

from __future__ import annotations

import numpy as np
import pytest

from hydra_steps.config.sweeps import damping_sweeps
from hydra_steps.errors import StudyError
from hydra_steps.evaluation.damping import evaluate_damping
from hydra_steps.figures.damping import plot_damping
from hydra_steps.scoring.store import write_scores
from hydra_steps.tables.tidy import make_table, write_table
from tests.helpers.artifacts import located
from tests.helpers.queries import queries_named

SWEEP = {"low": 1e-3, "middle": 0.1, "high": 10.0}
LDS = {"low": (0.2, 0.9), "middle": (0.6, 0.5), "high": (np.nan, np.nan)}  # on validation, on test
QUERIES = [f"{split}_{of}" for split in ("validation", "test") for of in ("mean", "sample_1")]


def test_labels_that_differ_in_damping_alone_are_a_sweep():
    methods = {
        "a": {"method": "influence_cg", "damping": 1.0, "matrix": "hessian"},
        "b": {"method": "influence_cg", "damping": 0.1, "matrix": "gauss_newton"},
        "c": {"method": "influence_cg", "damping": 10.0, "matrix": "gauss_newton"},
        "influence_cg": {"method": "influence_cg", "damping": 1.0, "matrix": "gauss_newton"},
        "random": {"method": "random", "seed": 0},
    }
    found = damping_sweeps(methods)
    assert found == {"influence_cg": {"b": 0.1, "influence_cg": 1.0, "c": 10.0}}
    assert list(found["influence_cg"]) == ["b", "influence_cg", "c"]
    assert damping_sweeps({name: methods[name] for name in ("a", "b", "c")}) == {}


def _study(folder, splits=("validation", "test")):
    rows, scores = [], []
    for label, values in LDS.items():
        path = folder / f"runs/base-seed0/scores/{label}"
        about = {"method": "influence_ekfac", "unit": "query"}
        about["diagnostics"] = {"effective_damping": SWEEP[label] + 0.5}
        write_scores(path, np.ones((len(QUERIES), 2)), queries_named(QUERIES), about)
        scores.append(located(path))
        for split, value in zip(("validation", "test"), values, strict=True):
            for query, shift in ((f"{split}_mean", 0.0), (f"{split}_sample_1", 0.1)):
                row = {"variant": "base", "run": "base-seed0", "seed": "0", "method": label, "query": query}
                row |= {"metric": "lds", "design": "groups", "n": 9, "value": value + shift}
                rows += [row] if split in splits else []
    write_table(make_table("counterfactual", rows), folder / "counterfactual.csv")
    return scores


def test_the_validation_queries_choose_and_the_test_queries_do_not(tmp_path):
    table = evaluate_damping(
        sweeps={"influence_ekfac": SWEEP},
        scores=_study(tmp_path),
        counterfactual_table=tmp_path / "counterfactual.csv",
        output=tmp_path / "damping.csv",
    ).set_index("label")
    assert table["chosen"].to_dict() == {"low": 0, "middle": 1, "high": 0}
    assert table.loc["middle", ["lds_validation", "lds_test"]].tolist() == pytest.approx([0.65, 0.55])
    assert table.loc["low", "effective_damping"] == pytest.approx(0.501)
    assert np.isnan(table.loc["high", "lds_test"])
    pictures = [tmp_path / "a.svg", tmp_path / "b.svg"]
    for picture in pictures:
        plot_damping(damping_table=tmp_path / "damping.csv", outputs=[picture])
    assert pictures[0].read_bytes() == pictures[1].read_bytes()


def test_without_a_validation_query_nothing_is_chosen(tmp_path):
    scores = _study(tmp_path, splits=("test",))
    with pytest.raises(StudyError, match="no validation query"):
        evaluate_damping(
            sweeps={"influence_ekfac": SWEEP},
            scores=scores,
            counterfactual_table=tmp_path / "counterfactual.csv",
            output=tmp_path / "damping.csv",
        )
