"""A study that Snakemake cannot read, in our words.

Snakemake reads the file of ``--configfile`` before it reads any Snakefile. Of a text that is no UTF-8, or nested deeper
than Python can follow, it shows a traceback, and of one that is no YAML it does not say the line. Where this package is
installed Snakemake finds its logger plug-in at every start, whichever logger is chosen; what it then says of such a
file is replaced; so is the traceback that it shows where the machine refuses it a file.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from hydra_steps.config.reading import read_yaml
from hydra_steps.errors import StudyError
from hydra_steps.refusals import refusal_in

THEIRS = ("Traceback (most recent call last)", "Config file is not valid JSON or YAML")


def say_what_is_unreadable() -> None:
    """Let Snakemake say in one message, for the rest of the process, why a study cannot be read."""
    logging.getLogger("snakemake.logging").addFilter(_explain)


def why_unreadable(arguments: Sequence[str]) -> str:
    """Return what is wrong with the first YAML file of a command line that cannot be read; empty if there is none."""
    for argument in arguments:
        file = Path(argument.rpartition("=")[2])
        if file.suffix in (".yaml", ".yml") and file.exists():
            try:
                read_yaml(file)
            except StudyError as error:
                return f"error: {error}"
    return ""


def _explain(record: logging.LogRecord) -> bool:
    said = str(record.msg)
    if record.levelno >= logging.ERROR and any(theirs in said for theirs in THEIRS):
        refused = refusal_in(said)
        record.msg = why_unreadable(sys.argv[1:]) or (f"error: {refused}" if refused else record.msg)
    return True
