"""What lies in the results is this study's own by its records, whatever Snakemake remembers."""

from __future__ import annotations

import shutil

from tests.workflow.conftest import STUDY, Tree, planned_jobs

LABELS = "runs/base-seed0/labels.csv"


def test_without_snakemakes_memory_nothing_is_to_be_done(finished: Tree) -> None:
    shutil.rmtree(finished.folder / ".snakemake")
    assert finished.planned() == {}


def test_results_of_another_configuration_are_made_again(finished: Tree) -> None:
    """Also where Snakemake knows nothing, and some are missing: never a table of two configurations."""
    shutil.rmtree(finished.folder / ".snakemake")
    shutil.rmtree(finished.results / "runs/base-seed1/trajectory")
    (finished.results / "tables/noise.csv").unlink()
    finished.edit(
        "config/test.yaml",
        lambda text: text.replace("rate: 0.2", "rate: 0.3").replace("epochs: 2", "epochs: 3"),
    )
    planned = finished.planned()
    assert planned["noise_labels"] == planned["train_model"] == 2
    assert planned["score_samples"] == 6
    assert planned["save_study"] == 1
    assert "split_data" not in planned


def test_an_edited_file_is_made_again_and_gives_the_same_bytes(finished: Tree) -> None:
    labels = finished.results / LABELS
    before = labels.read_bytes()
    rows = labels.read_text().splitlines()
    wrong = (int(rows[1].split(",")[1]) + 1) % 10
    labels.write_text("\n".join([rows[0], f"0,{wrong},{rows[1].split(',')[2]},1", *rows[2:]]) + "\n")
    said = finished.run("--cores", "1", "--until", "noise_labels")
    assert f"{LABELS} (it was changed after noise_labels wrote it)" in said
    assert labels.read_bytes() == before


def test_a_foreign_table_is_made_again(finished: Tree) -> None:
    table, other = (finished.results / "tables" / name for name in ("statuses.csv", "queries.csv"))
    before = table.read_bytes()
    shutil.copy2(other, table)
    assert "evaluate_statuses" in finished.planned()
    finished.run("results/test/tables/statuses.csv", "--cores", "1")
    assert table.read_bytes() == before


def test_scores_of_another_method_are_made_again(finished: Tree) -> None:
    """A folder that was copied with its record is whole, and still not what this study makes there."""
    scores = finished.results / "runs/base-seed0/scores"
    shutil.rmtree(scores / "random")
    shutil.copytree(scores / "hydra_exact", scores / "random")
    shutil.copy2(scores / ".provenance/hydra_exact.json", scores / ".provenance/random.json")
    said = finished.run("--dry-run")
    assert "runs/base-seed0/scores/random (made with methods.random " in said
    assert planned_jobs(said)["score_samples"] == 1


def test_results_are_copied_with_their_records(finished: Tree) -> None:
    shutil.rmtree(finished.folder / ".snakemake")
    shutil.copytree(finished.results, finished.folder / "elsewhere/test")
    finished.edit(STUDY, lambda text: text + "results: elsewhere\n")
    assert "train_model" not in finished.planned()
    assert "score_samples" not in finished.planned()
