"""Job costs from what Snakemake measured."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from hydra_steps.evaluation.job_costs import COLUMNS, describe_jobs

HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def measured(path: Path, seconds: float, memory: object, processor: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    row = (f"{seconds:.4f}", "0:00:01", memory, 1.0, 1.0, 1.0, 0.0, 0.0, 50.0, processor)
    path.write_text(HEAD + "\t".join(map(str, row)) + "\n")


def test_costs_add_up_by_rule(tmp_path: Path) -> None:
    folder = tmp_path / "benchmarks"
    measured(folder / "score_samples" / "base-seed0" / "trak.tsv", 3.0, 300.0, 2.5)
    measured(folder / "score_samples" / "base-seed0" / "tracin.tsv", 5.0, 200.0, 4.0)
    measured(folder / "score_samples" / "base-seed0" / "quick.tsv", 0.2, "NA", "NA")
    measured(folder / "train_model" / "base-seed0.tsv", 20.0, 100.0, 18.0)
    describe_jobs(folder, tmp_path / "jobs.csv")
    train, score = pd.read_csv(tmp_path / "jobs.csv").to_dict("records")
    assert (train["rule"], train["jobs"], train["seconds"]) == ("train_model", 1, 20.0)
    assert train["peak_memory_bytes"] == 100 * 2**20
    assert (score["rule"], score["jobs"], score["longest"]) == ("score_samples", 3, 5.0)
    assert score["seconds"] == pytest.approx(8.2)
    assert score["processor_seconds"] == pytest.approx(6.5)
    assert score["peak_memory_bytes"] == 300 * 2**20


def test_what_is_no_measurement_does_not_count(tmp_path: Path) -> None:
    folder = tmp_path / "benchmarks"
    measured(folder / "train_model" / "a.tsv", 2.0, 10.0, 1.0)
    (folder / "train_model" / "empty.tsv").write_text("")
    (folder / "train_model" / "head.tsv").write_text(HEAD)
    (folder / "train_model" / "other.tsv").write_bytes(b"\xff\x00 no table")
    (folder / "train_model" / "text.tsv").write_text("s\tmax_rss\tcpu_time\nlong\tmuch\tyes\n")
    describe_jobs(folder, tmp_path / "jobs.csv")
    assert pd.read_csv(tmp_path / "jobs.csv")["jobs"].tolist() == [1]


def test_a_study_without_measurements_has_an_empty_table(tmp_path: Path) -> None:
    describe_jobs(tmp_path / "none", tmp_path / "jobs.csv")
    table = pd.read_csv(tmp_path / "jobs.csv")
    assert tuple(table.columns) == COLUMNS
    assert table.empty
