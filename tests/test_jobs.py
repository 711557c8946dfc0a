"""What a job says: finished lines at once, a bar now and then, one message where it fails."""

from __future__ import annotations

import time
from pathlib import Path

import pandas as pd
import pytest
from tqdm import tqdm

from hydra_steps import jobs
from hydra_steps.errors import StudyError
from hydra_steps.evaluation.job_costs import describe_jobs
from hydra_steps.jobs import job, read_costs


def test_a_long_bar_leaves_news_while_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(jobs, "NEWS_SECONDS", 0.2)
    log, meanwhile = tmp_path / "log", ""
    with job(log):
        for step in tqdm(range(10), desc="sweep", unit="step", mininterval=0):
            time.sleep(0.1)
            if step == 8:
                meanwhile = log.read_text()
    news = meanwhile.splitlines()
    assert 2 <= len(news) <= 4
    assert all(line.startswith("sweep: ") and "step/s" in line for line in news)
    assert log.read_text().splitlines()[-2].startswith("sweep: 100%")
    assert capsys.readouterr().err.count("\n") == 1  # where nobody looks, only how it ended


def test_a_short_bar_leaves_its_last_state_alone(tmp_path: Path) -> None:
    with job(tmp_path / "log"):
        for _ in tqdm(range(5), desc="lissa", mininterval=0):
            pass
        print("done")
    lines = (tmp_path / "log").read_text().splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("lissa: 100%")
    assert lines[1] == "done"


def test_a_mistake_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended, job(tmp_path / "log"):
        raise StudyError("the labels are of another run", "labels.csv of this one", "run the study again")
    assert ended.value.code == 1
    said = (tmp_path / "log").read_text()
    assert said.startswith("error: the labels are of another run")
    assert "Traceback" not in said
    assert said.count("\n") == 1


def test_a_log_ends_with_what_the_job_took(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    for name in ("a", "b"):
        with job(logs / "train_model" / f"{name}.log"):
            sum(range(10**6))
    with pytest.raises(SystemExit), job(logs / "train_model" / "failed.log"):
        raise StudyError("nothing")
    costs = read_costs(logs / "train_model" / "a.log")
    assert costs is not None
    seconds, processor, memory = costs
    assert 0 < processor < 100 * seconds
    assert 1e7 < memory < 1e11
    describe_jobs(logs, tmp_path / "jobs.csv")
    (row,) = pd.read_csv(tmp_path / "jobs.csv").to_dict("records")
    assert (row["rule"], row["jobs"]) == ("train_model", 2)
    assert row["longest"] < row["seconds"] < 2 * row["longest"] + 1
    assert row["peak_memory_bytes"] >= memory
