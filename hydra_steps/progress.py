"""A bar that is redrawn where somebody looks, and a line a minute in the log where nobody does.

A library call says how far it is by ``with Progress(total=…) as bar: bar.update()``. On a terminal that is tqdm's bar.
Through the standard library's ``logging`` it says where it stands at most once a minute, and how it ended: the job that
runs the call writes these lines to its log (:mod:`hydra_steps.jobs`), other programs do with them as they like.
"""

from __future__ import annotations

import io
import logging
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from hydra_steps.job_environment import quiet

NEWS_SECONDS = 60.0  # between two lines of a log about one bar
DRAWN = "drawn"  # what a record has that a bar on the terminal says already

_logger = logging.getLogger(__name__)

if TYPE_CHECKING:
    _Bar = tqdm[Any]
else:  # the class takes a parameter in its stubs only
    _Bar = tqdm


class Progress(_Bar):
    """tqdm's bar, with its arguments; drawn only on a terminal, and logged everywhere."""

    def __init__(self, iterable: Iterable[Any] | None = None, **options: Any) -> None:
        self._drawn, self._said = sys.stderr.isatty() and not quiet(), time.monotonic()
        super().__init__(iterable, file=sys.stderr if self._drawn else _Nowhere(), **options)

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """Draw the bar, and log it where the last news is a minute old."""
        if time.monotonic() - self._said >= NEWS_SECONDS:
            self._said = time.monotonic()
            _logger.info(self._line(), extra={DRAWN: True})
        super().display(msg, pos)

    def close(self) -> None:
        """End the bar, and log how it ended."""
        if not self.disable:
            super().close()
            _logger.info(self._line(), extra={DRAWN: self._drawn})

    def _line(self) -> str:
        return str(self.format_meter(**{**self.format_dict, "ncols": None}))


@contextmanager
def others_hidden() -> Iterator[None]:
    """Inside it, bars that libraries draw themselves are not seen: they draw them in logs, too."""
    with redirect_stderr(_Nowhere()):
        yield


class _Nowhere(io.TextIOBase):
    """Where a bar is drawn that nobody sees."""

    def write(self, text: str) -> int:
        return len(text)
