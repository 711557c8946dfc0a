"""One message for what failed."""

from __future__ import annotations

from pathlib import Path

from hydra_steps.terminal.failures import message_of_job, message_of_snakemake


def test_a_jobs_own_message_is_said(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("sweep: 10%\nerror: the file x is damaged; expected: a whole one\n")
    assert message_of_job("train_model", log) == "error: the file x is damaged; expected: a whole one"


def test_a_mistake_of_ours_names_itself(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        "error: KeyError is no message of this package's:\nTraceback (most recent call last):\n  x\nKeyError: 'a'\n"
    )
    assert (
        message_of_job("train_model", log) == "error: KeyError is no message of this package's: KeyError: 'a'"
    )


def test_a_job_that_says_nothing_may_have_been_killed(tmp_path: Path) -> None:
    for log in (None, tmp_path / "missing"):
        said = message_of_job("train_model", log)
        assert (
            said == "error: a job of train_model ended without a message of its own; it may have been killed"
        )
    (tmp_path / "log").write_text("sweep: 10%\n\n")
    assert message_of_job("train_model", tmp_path / "log").endswith("the last line of its log: sweep: 10%")


def test_snakemakes_places_and_lists_are_left_out() -> None:
    place = '\n  File "/a/Snakefile", line 3, in <module>'
    text = 'WorkflowError in file "/a/Snakefile", line 3:\nstudy: no; expected: yes' + place
    assert message_of_snakemake(text) == "error: study: no; expected: yes"
    text = 'MissingInputException in rule a in file "/a", line 1:\nMissing input files for rule a:\n    affected files:'
    assert message_of_snakemake(text) == "error: Missing input files for rule a:"
    assert message_of_snakemake("Error: Snakefile not found") == "error: Error: Snakefile not found"
    assert message_of_snakemake("") == "error: Snakemake ended without a message"


def test_a_log_from_before_is_another_jobs(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("error: of yesterday\n")
    began = log.stat().st_mtime + 60
    said = message_of_job("train_model", log, began, "reading or writing x failed: Permission denied")
    assert said == "error: reading or writing x failed: Permission denied"


def test_a_job_that_could_not_even_write_its_log_says_why(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("")
    log = tmp_path / "folder" / "log"
    assert "log failed: Not a directory; what to do: " in message_of_job("train_model", log)


def test_what_the_machine_refuses_snakemake_is_a_sentence() -> None:
    text = "WorkflowError:\nFailed to create directory a/b.\nPermissionError: [Errno 13] Permission denied: 'a/b'"
    assert message_of_snakemake(text).startswith(
        "error: reading or writing a/b failed: Permission denied; what to do"
    )
    assert message_of_snakemake("WorkflowError:\nnot this") == "error: not this"
