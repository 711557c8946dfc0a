"""Who signs in as a job of a run, and who is turned away; with a real Slurm: tests/slurm."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hydra_steps.cluster import ROSTER, VARIABLE, sign_in, take_over
from hydra_steps.errors import StudyError

NAME = "0f4e2a5c-1111-4222-8333-0123456789ab"


@pytest.fixture(autouse=True)
def no_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests run in no job and no run."""
    for name in (VARIABLE, "SLURM_JOB_ID", "SLURM_JOB_NAME"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def be_job(monkeypatch: pytest.MonkeyPatch, number: str, name: str = NAME) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", number)
    monkeypatch.setenv("SLURM_JOB_NAME", name)


def signed_in(folder: Path) -> list[str]:
    return sorted(file.stem for file in (folder / ROSTER).glob("*.jobs"))


def test_what_is_no_job_of_a_run_signs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(tmp_path)
    be_job(monkeypatch, "7")
    sign_in(tmp_path)  # somebody's own job, in which no run is
    assert not (tmp_path / ROSTER).exists()


def test_a_job_signs_in_by_the_name_that_all_jobs_of_its_run_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_over(tmp_path)
    for number in ("7", "8"):
        be_job(monkeypatch, number)
        sign_in(tmp_path)
    assert signed_in(tmp_path) == [NAME]


def test_a_name_that_others_may_have_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take_over(tmp_path)
    be_job(monkeypatch, "7", "bash")
    sign_in(tmp_path)
    assert signed_in(tmp_path) == []


def test_the_job_that_a_run_is_started_in_is_none_of_its_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_job(monkeypatch, "6")
    take_over(tmp_path)
    sign_in(tmp_path)  # as a local job of that run does
    assert signed_in(tmp_path) == []
    be_job(monkeypatch, "7")
    sign_in(tmp_path)
    assert signed_in(tmp_path) == [NAME]


def test_a_job_of_an_earlier_run_is_turned_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take_over(tmp_path)
    earlier = os.environ[VARIABLE]
    take_over(tmp_path)
    be_job(monkeypatch, "7")
    sign_in(tmp_path)
    monkeypatch.setenv(VARIABLE, earlier)
    with pytest.raises(StudyError, match="has ended"):
        sign_in(tmp_path)


def test_names_where_slurm_is_not_are_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take_over(tmp_path)
    be_job(monkeypatch, "7")
    sign_in(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StudyError, match="no squeue here"):
        take_over(tmp_path)
    assert signed_in(tmp_path) == [NAME]
