"""Which figures a study draws, what they read, and where they belong."""

from __future__ import annotations

from pathlib import Path

from hydra_steps.config import resolve_study
from hydra_steps.plan.figures import plan_figures
from hydra_steps.plan.tables import plan_tables
from hydra_steps.registry import use_plugins

FIGURE = '''
from hydra_steps.plugins import figure


@figure("mine", category="Mine", when="'random' in used")
def mine(detection_table, outputs, agreement_table=None):
    """How it looks."""
'''


def test_a_figure_is_drawn_where_its_tables_are_made() -> None:
    study = resolve_study({"study": "s", "methods": {"random": {}, "tracin": {}}, "seeds": [0]})
    figures = plan_figures(study, plan_tables(study))
    assert {"noise", "training", "detection", "prediction"} <= set(figures)
    # A table of that name is not made, though artifacts are called so, too.
    assert {"agreement", "approximation", "extremes"}.isdisjoint(figures)
    detection = figures["detection"]
    assert detection.inputs["detection"] == "results/s/tables/detection.csv"
    assert detection.inputs["noise"] == "results/s/tables/noise.csv"
    assert detection.files == [f"results/s/figures/detection.{suffix}" for suffix in ("svg", "pdf", "png")]
    assert (
        figures["prediction"].inputs["counterfactual_points"] == "results/s/tables/counterfactual_points.csv"
    )


def test_predictions_are_drawn_where_some_method_predicts() -> None:
    """Of methods that only rank there would be an empty figure."""
    methods = {"mine": {"method": "final_loss"}, "datalab": {}}
    study = resolve_study({"study": "s", "methods": methods, "seeds": [0]})
    figures = plan_figures(study, plan_tables(study))
    assert "counterfactual" in figures
    assert "prediction" not in figures


def test_images_beside_a_table_are_read_as_it_is() -> None:
    queries = [{"kind": "mean_loss", "split": "test"}]
    asked = {"queries": ["test_mean"], "training_samples": 0}
    study = resolve_study({"study": "s", "queries": queries, "extremes": asked})
    figure = plan_figures(study, plan_tables(study))["extremes"]
    assert figure.inputs["extremes_images"] == "results/s/tables/extremes_images.npz"


def test_the_benchmarks_figure_is_asked_for_by_the_benchmark() -> None:
    study = resolve_study({"study": "s"})
    figures = plan_figures(study, plan_tables(study))
    assert {name for name, figure in figures.items() if figure.target == "benchmark"} == {"speedup"}
    assert figures["speedup"].inputs["machines"] == ["results/s/runs/base-seed0/timing/machine.json"]


def test_a_plug_ins_figure_reads_optional_tables_where_they_are_made(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(FIGURE, encoding="utf-8")
    try:
        read = {}
        for methods in (["random"], ["random", "hydra_exact"], ["hydra_exact"]):
            study = resolve_study({"plugins": [str(file)], "methods": {name: {} for name in methods}})
            figures = plan_figures(study, plan_tables(study))
            read[len(read)] = sorted(figures["mine"].inputs) if "mine" in figures else None
        assert read == {0: ["detection"], 1: ["agreement", "detection"], 2: None}
    finally:
        use_plugins([])
