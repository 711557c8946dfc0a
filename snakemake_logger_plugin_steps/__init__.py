"""``snakemake --logger=steps``: what a study says while it runs is what a person reads (:mod:`hydra_steps.terminal`).

A package of its own, as Snakemake looks for its plug-ins by their names. Imported at every start of Snakemake, so that
it also explains what Snakemake itself cannot read, and an end from the keyboard.
"""

import logging

from hydra_steps.interrupted import end_in_one_line
from hydra_steps.terminal.handler import LogHandler
from hydra_steps.terminal.unreadable import say_what_is_unreadable

__all__ = ["LogHandler"]

logging.raiseExceptions = (
    False  # what Snakemake's log cannot take, as on a full disk, is no stack on the terminal
)
end_in_one_line()
say_what_is_unreadable()
