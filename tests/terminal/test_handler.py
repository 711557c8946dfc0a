"""The bar and the end do not get in each other's way."""

from __future__ import annotations

import threading
from types import SimpleNamespace

from snakemake_interface_logger_plugins.settings import OutputSettingsLoggerInterface

from hydra_steps.job_environment import QUIET
from hydra_steps.terminal.handler import LogHandler


def test_nothing_is_drawn_once_the_end_is_said(monkeypatch) -> None:
    """Who draws holds the lock from its look at whether the run has ended; the end waits for it."""
    monkeypatch.setenv(QUIET, "")
    settings: OutputSettingsLoggerInterface = SimpleNamespace(verbose=False)  # type: ignore[assignment]
    handler = LogHandler(settings, None)
    assert handler.lock is not None
    ended = threading.Thread(target=handler.close)
    with handler.lock:
        ended.start()
        ended.join(0.2)
        assert not handler._ended.is_set()
    ended.join()
    assert handler._ended.is_set()
