"""Read by Python itself when Snakemake or a job starts, whose ``PYTHONPATH`` begins with this folder.

An end from the keyboard reaches them all, and one that still imports what it needs would answer with a stack.
"""

import gc
import signal

# What is imported stays: to look for rubbish in it, again and again as it grows, takes a seventh of a job's start.
gc.set_threshold(100_000, 50, 50)

# An exception here would be a stack, too: until there is a message, the signal ends the process.
interruptible = signal.getsignal(signal.SIGINT) is signal.default_int_handler
if interruptible:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import sys
from contextlib import suppress
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path

with suppress(ImportError):  # in an environment without this package
    from hydra_steps.interrupted import end_in_one_line

    end_in_one_line()

# The module of this name that this one stands before.
spec = PathFinder.find_spec(__name__, [path for path in sys.path if Path(path) != Path(__file__).parent])
if spec is not None and spec.loader is not None:
    spec.loader.exec_module(module_from_spec(spec))
if interruptible:
    signal.signal(signal.SIGINT, signal.default_int_handler)
