"""Time that is shared: an estimate may take a minute, whatever it is an estimate of."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class OutOfTime(BaseException):
    """The time of :func:`at_most` is over. No ``Exception``: what is measured must not catch it."""


class Budget:
    """A number of seconds from now on, shared out among what is still to be done."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds, 0 where there are none."""
        return max(0.0, self._end - time.monotonic())

    def share(self, parts: int) -> float:
        """Return what each of ``parts`` gets; what one leaves over is the next ones'."""
        return self.left / max(1, parts)


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise :class:`OutOfTime` in the block once it has taken so long; not to be nested.

    By a signal, between two instructions of Python: a call into a library is ended when it returns. Where there is no
    such signal (another thread than the main one, Windows), only a block without any time is ended.
    """
    if seconds <= 0:
        raise OutOfTime
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
