"""An end from the keyboard is one line, and no stack, wherever a program was; also while it still imports.

Read before anything else of a program, so it imports next to nothing.
"""

from __future__ import annotations

import os
import sys
from types import TracebackType
from typing import Any

from hydra_steps.job_environment import quiet

MESSAGE = "ended from the keyboard; what to do: run again, it goes on where it was"
CODE = 130  # the exit code of what was ended from the keyboard
COMMAND, TOOLS = "hydra-steps", os.path.join(os.path.dirname(os.path.dirname(__file__)), "tools")


def is_program() -> bool:
    """Whether this process was started for a module of this package, which is being looked for just now, for one of
    ``tools``, or by the command."""
    program = sys.argv[0] if sys.argv else ""
    if program == "-m":
        return any(argument.split(".")[0] == __name__.split(".")[0] for argument in sys.orig_argv)
    return os.path.basename(program) == COMMAND or os.path.abspath(program).startswith(TOOLS + os.sep)


def end_in_one_line() -> None:
    """Let this process end with the message where it is ended from the keyboard; with none where it is to leave the
    terminal alone. Harmless to repeat."""
    others, unraisable, silent = sys.excepthook, sys.unraisablehook, quiet()
    if getattr(others, "__module__", "") == __name__:
        return

    def uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            others(kind, error, trace)
        elif not silent:
            print(f"error: {MESSAGE}", file=sys.stderr, flush=True)

    def passed_over(found: Any) -> None:
        if not issubclass(found.exc_type, KeyboardInterrupt):
            unraisable(found)

    sys.excepthook, sys.unraisablehook = uncaught, passed_over
