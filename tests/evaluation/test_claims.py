"""Verdicts by rule: which side of the line the whole interval is on, and nothing typed in."""

import pytest

from hydra_steps.evaluation.claims import evaluate_claims
from hydra_steps.evaluation.verdicts import FAILS, HOLDS, OPEN
from hydra_steps.tables.tidy import make_table, write_table

METHODS = {name: name for name in ("hydra_exact", "hydra_hessian_free", "final_loss")}
METHODS |= {"if_strong": "influence_cg", "if_weak": "influence_lissa"}


def auroc(folder, values, intervals=False):
    """Write detection.csv with AUROC values: method -> one per seed."""
    rows = []
    for method, per_seed in values.items():
        for seed, value in enumerate(per_seed):
            row = {"variant": "base", "run": f"base-seed{seed}", "seed": str(seed), "method": method}
            row |= {"query": "validation_mean", "metric": "auroc", "n": 100, "value": value}
            if intervals:
                row |= {"ci_low": value - 0.02, "ci_high": value + 0.02}
            rows.append(row)
    write_table(make_table("detection", rows), folder / "detection.csv")
    return folder / "detection.csv"


def verdicts(folder, paths, methods=METHODS):
    table = evaluate_claims(
        **{f"{path.stem}_table": path for path in paths},
        methods=methods,
        conditions={"base": "mnist"},
        output=folder / "claims.csv",
    )
    assert len((folder / "claims.csv").read_text().splitlines()) == len(table) + 1
    return table.set_index(["claim", "method", "against"])


def test_paired_differences_over_seeds_decide(tmp_path):
    path = auroc(
        tmp_path,
        {
            "hydra_hessian_free": [0.80, 0.85, 0.90],
            "if_strong": [0.90, 0.95, 1.00],  # always 0.1 more
            "if_weak": [0.70, 0.76, 0.79],  # about 0.1 less
            "final_loss": [0.70, 0.95, 0.85],  # now less, now more
        },
    )
    found = verdicts(tmp_path, [path])
    assert found.loc[("3a", "hydra_hessian_free", "if_strong"), "value"] == pytest.approx(-0.1)
    assert found.loc[("3a", "hydra_hessian_free", "if_strong"), "verdict"] == FAILS
    assert found.loc[("3a", "hydra_hessian_free", "if_weak"), "verdict"] == HOLDS
    assert found.loc[("3a", "hydra_hessian_free", "final_loss"), "verdict"] == OPEN
    # Student's interval of 0.10, 0.09, 0.11: half-width 4.303 · 0.01 / √3
    half = 4.302652730 * 0.01 / 3**0.5
    assert found.loc[("3a", "hydra_hessian_free", "if_weak"), "ci_low"] == pytest.approx(0.1 - half)
    said = "holds in 1 of 2: base against if_weak; does not hold in 1 of 2"
    assert found.loc[("3a", "hydra_hessian_free", "all"), "verdict"] == said
    assert found.loc[("3a", "hydra_hessian_free", "if_weak"), "conditions"] == "mnist"


def test_methods_are_found_whatever_their_labels(tmp_path):
    values = {"mine": [0.80, 0.85, 0.90], "theirs": [0.70, 0.76, 0.79], "hydra_hessian_free": [0.1, 0.2, 0.1]}
    labels = {"mine": "hydra_hessian_free", "theirs": "influence_cg", "hydra_hessian_free": "random"}
    found = verdicts(tmp_path, [auroc(tmp_path, values)], labels)
    assert found.loc[("3a", "mine", "theirs"), "verdict"] == HOLDS
    assert found.loc[("3a", "mine", "all"), "verdict"] == HOLDS
    assert "hydra_hessian_free" not in found.index.get_level_values("method")


def test_one_seed_is_judged_by_the_rows_own_intervals_end_from_end(tmp_path):
    values = {"hydra_hessian_free": [0.90], "if_strong": [0.87], "if_weak": [0.80]}
    found = verdicts(tmp_path, [auroc(tmp_path, values, intervals=True)])
    near = found.loc[("3a", "hydra_hessian_free", "if_strong")]
    assert (near["ci_low"], near["ci_high"]) == pytest.approx((-0.01, 0.07))
    assert near["verdict"] == OPEN
    assert found.loc[("3a", "hydra_hessian_free", "if_weak"), "verdict"] == HOLDS
    found = verdicts(tmp_path, [auroc(tmp_path, values)])
    assert found.loc[("3a", "hydra_hessian_free", "if_weak"), "verdict"] == OPEN


def test_a_size_is_held_against_its_limit(tmp_path):
    rows = []
    for seed, value in enumerate([0.3, 0.31, 0.32]):
        about = {
            "variant": "base",
            "run": f"base-seed{seed}",
            "seed": str(seed),
            "query": "test_mean",
            "n": 9,
        }
        about |= {"method": "hydra_hessian_free"}
        rows += [about | {"metric": "relative_error", "value": value}]
        rows += [about | {"metric": "sign_disagreement", "value": value}]
    write_table(make_table("agreement", rows), tmp_path / "agreement.csv")
    found = verdicts(tmp_path, [tmp_path / "agreement.csv"]).reset_index()
    found = found[found["against"] == "hydra_exact"].set_index("measured")["verdict"]
    assert [found[name] for name in sorted(found.index)] == [HOLDS, FAILS]  # relative error, then signs


def test_removal_is_held_against_nothing_removed(tmp_path):
    rows = []
    for seed, (before, after) in enumerate([(0.7, 0.9), (0.71, 0.92), (0.72, 0.92)]):
        about = {
            "variant": "base",
            "run": f"base-seed{seed}",
            "seed": str(seed),
            "n": 5,
            "metric": "test_accuracy",
        }
        about |= {"method": "hydra_hessian_free", "query": "validation_mean", "side": "most_harmful"}
        rows += [about | {"fraction": 0.0, "value": before}, about | {"fraction": 0.8, "value": after}]
        rows += [about | {"fraction": 0.5, "value": 0.1}]
        chance = about | {"method": "random_order", "query": ""}
        rows += [chance | {"fraction": fraction, "value": 0.05} for fraction in (0.0, 0.5, 0.8)]
    write_table(make_table("removal", rows), tmp_path / "removal.csv")
    found = verdicts(tmp_path, [tmp_path / "removal.csv"])
    row = found.loc[("3b", "hydra_hessian_free", "nothing removed (80% removed)")]
    assert row["value"] == pytest.approx(0.61 / 3)
    assert row["verdict"] == HOLDS
    assert found.loc[("3b", "hydra_hessian_free", "nothing removed (50% removed)"), "verdict"] == FAILS
    chance = found.loc[("3b", "hydra_hessian_free", "as many removed at random (50%)")]
    assert (chance["value"], chance["verdict"]) == (pytest.approx(0.05), HOLDS)
    # As many at random explain a change; the claim itself is about removing something or nothing.
    assert found.loc[("3b", "hydra_hessian_free", "all"), "verdict"].startswith("holds in 1 of 2")


def test_two_seeds_that_agree_decide_nothing_by_their_agreement(tmp_path):
    values = {"hydra_hessian_free": [0.90, 0.91], "if_strong": [0.88, 0.89], "if_weak": [0.80, 0.85]}
    found = verdicts(tmp_path, [auroc(tmp_path, values)])
    assert found.loc[("3a", "hydra_hessian_free", "if_strong"), "verdict"] == OPEN
    found = verdicts(tmp_path, [auroc(tmp_path, values, intervals=True)])
    near = found.loc[("3a", "hydra_hessian_free", "if_strong")]
    assert (near["ci_low"], near["ci_high"]) == pytest.approx((-0.02, 0.06))
    assert near["verdict"] == OPEN
    weak = found.loc[("3a", "hydra_hessian_free", "if_weak")]
    assert (weak["ci_low"], weak["ci_high"]) == pytest.approx((0.02, 0.14))
    assert weak["verdict"] == HOLDS


def stability(folder, values, others):
    """Write stability.csv: method -> each seed's mean rank correlation with ``others`` other seeds."""
    rows = [
        {"variant": "base", "run": f"base-seed{seed}", "seed": str(seed), "method": method}
        | {"query": "test_mean", "metric": "between_seeds", "n": others, "value": value}
        for method, per_seed in values.items()
        for seed, value in enumerate(per_seed)
    ]
    write_table(make_table("stability", rows), folder / "stability.csv")
    return folder / "stability.csv"


def test_seeds_that_share_pairs_are_jackknifed(tmp_path):
    values = {"hydra_hessian_free": [0.30, 0.32, 0.28], "if_strong": [0.60, 0.58, 0.56]}
    row = verdicts(tmp_path, [stability(tmp_path, values, 2)]).loc[("4b", "hydra_hessian_free", "if_strong")]
    apart = [-0.30, -0.26, -0.28]
    half = 4 * 4.302652729911275 * 0.02 / 3**0.5  # four times Student's, with three seeds
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((sum(apart) / 3 - half, sum(apart) / 3 + half))
    assert row["verdict"] == FAILS
    near = {"hydra_hessian_free": [0.50, 0.52, 0.48], "if_strong": [0.60, 0.58, 0.56]}
    row = verdicts(tmp_path, [stability(tmp_path, near, 2)]).loc[("4b", "hydra_hessian_free", "if_strong")]
    assert row["verdict"] == OPEN  # Student's interval would have excluded zero
    row = verdicts(tmp_path, [stability(tmp_path, values, 3)]).loc[("4b", "hydra_hessian_free", "if_strong")]
    assert row["verdict"] == OPEN  # pairs with a seed that is not here: no telling what is shared
    assert row[["ci_low", "p_holm"]].isna().all()


def test_comparisons_of_one_method_are_corrected_together(tmp_path):
    """A p of .03 is enough for one comparison, and not for one of three; the exact method is a family of its own."""
    good = [0.82, 0.90, 0.95]  # against .7: p = .038
    same = [0.80, 0.82, 0.81]
    values = {"hydra_hessian_free": good, "hydra_exact": good, "if_strong": [0.7] * 3}
    alone = verdicts(tmp_path, [auroc(tmp_path, values)])
    for method in ("hydra_hessian_free", "hydra_exact"):
        assert alone.loc[("3a", method, "if_strong"), "verdict"] == HOLDS
    values |= {"if_weak": same, "final_loss": same}
    both = verdicts(tmp_path, [auroc(tmp_path, values)])
    row = both.loc[("3a", "hydra_hessian_free", "if_strong")]
    assert row["p_holm"] == pytest.approx(2 * alone.loc[("3a", "hydra_exact", "if_strong"), "p_holm"])
    assert row["ci_low"] > 0
    assert row["verdict"] == OPEN


def test_a_study_without_the_tables_has_no_rows(tmp_path):
    assert verdicts(tmp_path, []).empty
