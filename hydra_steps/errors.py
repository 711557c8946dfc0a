"""One way to fail: a message that says what was found, what was expected, and what to do.

Library code raises :class:`StudyError` for everything a user can cause; scripts wrap their one call in
:func:`reported`, which turns it into that message on standard error and exit code 1, without a traceback.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

BROKEN_PIPE = 141  # the exit code of what is ended by that signal


class StudyError(Exception):
    """A failure that the user can mend.

    ``found`` is what was met, ``expected`` what should have been there, ``fix`` the next action. All three are
    full clauses without a final stop; ``expected`` and ``fix`` may be empty.
    """

    def __init__(self, found: str, expected: str = "", fix: str = "") -> None:
        self.found, self.expected, self.fix = found, expected, fix
        parts = [found]
        if expected:
            parts.append(f"expected: {expected}")
        if fix:
            parts.append(f"what to do: {fix}")
        super().__init__("; ".join(parts))

    def __reduce__(self) -> tuple[type[StudyError], tuple[str, str, str]]:
        return (type(self), (self.found, self.expected, self.fix))


class NoScores(StudyError):
    """A method has no scores on a run. It is a finding about the method and no failure of the study.

    Its scores are stored as not numbers, with ``status`` and this message, and the study goes on.
    """

    status = "no scores"


class Diverged(NoScores):
    """A method met numbers that grow without bound, or a matrix it cannot invert."""

    status = "diverged"


class Unsuited(NoScores):
    """The data or the model are not what a method is made for: labels of one class, fewer samples than neighbours."""

    status = "unsuited"


def nearest(word: str, known: list[str] | tuple[str, ...]) -> str:
    """Return ``did you mean 'x'?`` for the closest known word, or the list of known words.

    >>> nearest("adm", ["adam", "sgd"])
    "did you mean 'adam'? (known: adam, sgd)"
    """
    import difflib

    close = difflib.get_close_matches(str(word), [str(k) for k in known], n=1, cutoff=0.5)
    listing = ", ".join(str(k) for k in known)
    return f"did you mean {close[0]!r}? (known: {listing})" if close else f"use one of: {listing}"


@contextmanager
def reported() -> Iterator[None]:
    """Turn a :class:`StudyError` into one message on standard error and exit code 1.

    Who reads the output may have enough of it (``| head``): that is no error, and ends the program as in a shell.
    """
    try:
        yield
        sys.stdout.flush()
    except StudyError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        sys.exit(1)
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # what is still to be written at the end
        sys.exit(BROKEN_PIPE)
