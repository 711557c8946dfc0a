"""A change runs again what depends on it, and nothing else."""

from __future__ import annotations

import os

from tests.workflow.conftest import Tree, planned_jobs

EVALUATION = {
    "evaluate_advice",
    "evaluate_jobs",
    "evaluate_contributions",
    "evaluate_timing",
    "evaluate_statuses",
    "evaluate_queries",
    "evaluate_agreement",
    "evaluate_counterfactual",
    "evaluate_detection",
}
SCORE_FIGURES = {
    "plot_agreement",
    "plot_contributions",
    "plot_counterfactual",
    "plot_detection",
    "plot_prediction",
}
SMOOTHNESS = {"measure_smoothness", "evaluate_smoothness"}
# In this study curves are drawn by exact HyDRA, and flips are looked for in random order.
REMOVAL = {"retrain_subsets", "evaluate_removal", "plot_removal"}
FLIPS = {"find_flips", "evaluate_brittleness", "plot_brittleness"}
FIGURES = SCORE_FIGURES | {"plot_noise", "plot_training", "plot_removal", "plot_brittleness"}
STUDY = "config/test.yaml"


def test_a_figure_style_draws_the_figures_again(finished: Tree) -> None:
    before = finished.contents("figures", "tables")
    finished.edit(STUDY, lambda text: text + "figures: {font_size: 9}\n")
    planned = finished.planned()
    assert planned == dict.fromkeys({*FIGURES, "write_report", "save_study"}, 1)
    # Two of them speak for all.
    finished.run(*(f"results/test/figures/{name}.svg" for name in ("noise", "training")), "--cores", "2")
    after = finished.contents("figures", "tables")
    drawn = {f"figures/{name}.{suffix}" for name in ("noise", "training") for suffix in ("svg", "pdf", "png")}
    assert {name for name in before if after[name] != before[name]} == drawn


def test_a_scoring_option_scores_by_that_method_again(finished: Tree) -> None:
    finished.edit(
        STUDY, lambda text: text.replace("influence_cg: {damping: 0.01}", "influence_cg: {damping: 0.1}")
    )
    said = finished.run("--dry-run")
    planned = planned_jobs(said)
    assert planned.pop("score_samples") == 2
    assert set(planned) == EVALUATION | SCORE_FIGURES | {"write_report", "save_study"}
    assert "by influence_cg" in said
    assert "by hydra_exact" not in said


def test_the_noise_rate_runs_again_from_the_labels(finished: Tree) -> None:
    finished.edit(STUDY, lambda text: text.replace("rate: 0.2", "rate: 0.3"))
    planned = finished.planned()
    assert {"split_data", "fetch_data"}.isdisjoint(planned)
    assert planned["noise_labels"] == planned["train_model"] == 2
    assert set(planned) >= EVALUATION | FIGURES | SMOOTHNESS | REMOVAL | FLIPS | {
        "score_samples",
        "retrain_without",
        "evaluate_noise",
    }


def test_the_share_inspected_evaluates_detection_again(finished: Tree) -> None:
    finished.edit(STUDY, lambda text: text + "detection: {inspect: [0.5]}\n")
    assert set(finished.planned()) == {"evaluate_detection", "plot_detection", "write_report", "save_study"}


def test_more_groups_are_added_to_those_that_are_there(finished: Tree) -> None:
    finished.edit(STUDY, lambda text: text.replace("groups: 8", "groups: 12"))
    planned = finished.planned()
    assert planned.pop("retrain_without") == 2
    assert set(planned) == {
        "evaluate_jobs",
        "evaluate_advice",
        "evaluate_counterfactual",
        "plot_counterfactual",
        "plot_prediction",
        "write_report",
        "save_study",
    }


def test_more_is_removed_by_training_again_on_less(finished: Tree) -> None:
    finished.edit(STUDY, lambda text: text.replace("fractions: [0.3]", "fractions: [0.3, 0.5]"))
    planned = finished.planned()
    assert planned.pop("retrain_subsets") == 2
    assert set(planned) == REMOVAL - {"retrain_subsets"} | {"evaluate_jobs", "write_report", "save_study"}


def test_a_larger_group_is_tried_again_for_flips(finished: Tree) -> None:
    finished.edit(STUDY, lambda text: text.replace("most: 0.2", "most: 0.3"))
    assert set(finished.planned()) == FLIPS | {"evaluate_jobs", "write_report", "save_study"}


def test_a_new_seed_adds_a_run(finished: Tree) -> None:
    finished.edit(STUDY, lambda text: text.replace("seeds: [0, 1]", "seeds: [0, 1, 2]"))
    planned = finished.planned()
    assert planned["train_model"] == planned["split_data"] == 1
    assert "fetch_data" not in planned


def test_a_module_that_decides_numbers_runs_its_steps_again(finished: Tree) -> None:
    finished.edit("hydra_steps/scoring/influence.py", lambda text: text + "\nANOTHER = 1\n")
    planned = finished.planned()
    assert planned.pop("score_samples") == 2
    assert set(planned) == EVALUATION | SCORE_FIGURES | {"write_report"}


def test_the_step_of_training_runs_everything_again_that_uses_it(finished: Tree) -> None:
    finished.edit("hydra_steps/process/optimizers/sgd.py", lambda text: text + "\nANOTHER = 1\n")
    planned = finished.planned()
    assert planned["train_model"] == 2
    assert planned["retrain_without"] == 4
    assert {"split_data", "noise_labels", "plot_noise"}.isdisjoint(planned)


def test_what_decides_nothing_runs_nothing(finished: Tree) -> None:
    """Modules that are only touched, a new one that nothing imports, the order of keys and how numbers are written."""
    for file in (finished.folder / "hydra_steps").rglob("*.py"):
        os.utime(file)
    (finished.folder / "hydra_steps/scoring/unused.py").write_text("NUMBER = 1\n")
    old = "optimizer: {name: sgd, learning_rate: 0.1, momentum: 0.9, weight_decay: 5.0e-4}"
    new = "optimizer: {weight_decay: 0.0005, momentum: 9.0e-1, learning_rate: 0.1, name: sgd}"
    finished.edit(STUDY, lambda text: text.replace(old, new))
    assert finished.planned() == {}
