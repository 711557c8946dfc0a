"""One thing of each kind, brought by a plug-in in another folder: a study with all of them, from data to pages."""

from __future__ import annotations

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hydra_steps.config.document import document
from hydra_steps.registry import entries, use_plugins
from hydra_steps.registry.decorators import KINDS
from hydra_steps.registry.plugins import VARIABLE
from hydra_steps.report.write_report import write_report
from tests.workflow.conftest import ENVIRONMENT, ROOT, Tree
from tools.catalogue import method_table

EXAMPLE = "example_plugin"
# What rests on all that the plug-in brings; the tables and figures of every study do not.
MADE = [f"results/mine/{file}" for file in ("explorer.html", "tables/extent.csv", "figures/extent.svg")]
MADE += ["results/mine/tables/counterfactual.csv"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a user's own, with the study and its plug-in."""
    folder = tmp_path_factory.mktemp("elsewhere")
    for suffix in ("py", "yaml"):
        shutil.copy(ROOT / "config" / f"{EXAMPLE}.{suffix}", folder / f"mine.{suffix}")
    study = folder / "mine.yaml"
    small = study.read_text().replace(EXAMPLE, "mine").replace("  hydra_hessian_free: {}\n", "")
    small = small.replace("groups: 8", "groups: 4").replace("epochs: 3", "epochs: 2")
    study.write_text(small + "figures: {formats: [svg]}\n")
    return folder


def test_the_example_has_one_of_each_kind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "")
    use_plugins(["mine.py"], folder)
    assert {kind for kind in KINDS if any(entry.plugin for entry in entries(kind).values())} == set(KINDS)
    assert len((folder / "mine.py").read_text().splitlines()) < 100
    page, table = document(), method_table()
    assert "`input_size`" in table
    for kind in ("dataset", "noise", "model", "task", "optimizer", "schedule", "query", "method"):
        for entry in entries(kind).values():
            assert f"| `{entry.name}` |" in page


def test_a_study_with_all_of_them(tree: Tree, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = str(folder / "mine.yaml")
    said = subprocess.run(
        [sys.executable, "-m", "hydra_steps.estimate", study],
        cwd=tree.folder, env=ENVIRONMENT | {"PYTHONPATH": str(tree.folder)}, text=True, capture_output=True, check=True,
    ).stdout  # fmt: skip
    assert "score_samples: input_size" in said
    assert "fetch_data: stripes" in said
    tree.run(*MADE, "--cores", "2", study=study)
    results = tree.folder / "results" / "mine"
    rows = list(csv.DictReader((results / "tables" / "extent.csv").open()))
    assert {row["method"] for row in rows} == {"hydra_exact", "input_size", "random"}
    assert {row["query"] for row in rows} == {"test_mean", "validation_mean", "test_p_0", "test_p_1"}
    assert (results / "figures" / "extent.svg").stat().st_size > 0
    explorer = (results / "explorer.html").read_text()
    assert "p of test sample 0" in explorer
    assert "input_size" in explorer
    assert tree.planned(*MADE, study=study) == {}
    say_what_plug_ins_brought(results, folder, monkeypatch)
    plugin = folder / "mine.py"
    plugin.write_text(plugin.read_text().replace("(3.4, 2.0)", "(3.4, 2.5)"))
    planned = tree.planned(*MADE, study=study)
    assert "plot_extent" in planned
    assert "train_model" in planned, "what the file declares for the training is in the same file"
    plugin.write_text(plugin.read_text() + "\n1 / 0\n")
    failed = tree.run(*MADE, "--cores", "1", study=study, fails=True)
    lines = len(plugin.read_text().splitlines())
    assert f"mine.py:{lines} cannot be imported: ZeroDivisionError" in failed


def say_what_plug_ins_brought(results: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the report on what has been made, as the job does that writes it on all tables and figures."""
    monkeypatch.setenv(VARIABLE, "")
    use_plugins(["mine.py"], folder)
    made = {kind: sorted((results / kind).glob("[a-z]*")) for kind in ("tables", "figures")}
    write_report(config=results / "config.yaml", **made, output=results / "report.html")
    page = (results / "report.html").read_text()
    for words in (
        *("Stripes", "network of two layers", "heavy ball", "halving rate", "focal loss"),
        *("flipped, the first ones", "input size", "How far do contributions reach?"),
        *("3 methods were measured.", "Largest contribution of each method"),
    ):
        assert words in page
