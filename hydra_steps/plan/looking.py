"""What a call of Snakemake does to a study, by its options: some only look at it, and may do so beside a run."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable

from hydra_steps.errors import StudyError

LOOKING = {
    *(
        "--dry-run",
        "--dryrun",
        "--summary",
        "-S",
        "--detailed-summary",
        "-D",
        "--lint",
        "--report",
        "--archive",
    ),
    *(
        "--dag",
        "--rulegraph",
        "--filegraph",
        "--d3dag",
        "--list-rules",
        "--list",
        "-l",
        "--list-target-rules",
    ),
    *("--list-changes", "--list-input-changes", "--list-params-changes", "--list-untracked", "--unlock"),
    *("--print-compilation", "--version", "--help", "-h"),
}


def only_looks(arguments: Iterable[str]) -> bool:
    """Return whether a command line leaves all outputs as they are.

    >>> only_looks(["-np", "--configfile", "a.yaml"]), only_looks(["--cores", "2"])
    (True, False)
    """
    names = {argument.split("=")[0] for argument in arguments}
    # One-letter options may be joined; -n is a dry run.
    return bool(names & LOOKING) or any(re.fullmatch(r"-[A-Za-z]*n[A-Za-z]*", name) for name in names)


def deletes(arguments: Iterable[str]) -> bool:
    """Return whether a command line takes outputs away without a run."""
    return any(argument.startswith("--delete") for argument in arguments)


def check_archive(arguments: Iterable[str]) -> None:
    """Refuse ``--archive`` where there is no conda, without which Snakemake makes none."""
    if any(argument.split("=")[0] == "--archive" for argument in arguments) and not shutil.which("conda"):
        raise StudyError(
            "--archive adds the conda packages of the jobs' environment, and there is no conda here",
            "conda on the PATH",
            "install conda, or keep the workflow (git archive HEAD) and describe the results (make crate)",
        )
