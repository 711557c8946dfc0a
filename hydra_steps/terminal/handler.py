"""Snakemake's events as lines for a person.

Snakemake's full text is in its own log (``.snakemake/log/``), and what jobs say in theirs.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from hydra_steps.interrupted import MESSAGE
from hydra_steps.job_environment import QUIET
from hydra_steps.refusals import refusal_in
from hydra_steps.terminal.failures import message_of_job, message_of_snakemake
from hydra_steps.terminal.steps import Steps, clock

WIDTH, TICK = 30, 1.0  # of the bar in characters; seconds from one drawing to the next
COMPLETE = "Complete log(s): "
NOTHING = "Nothing to be done"
ENDING = "Terminating processes on user request"
MOST = 3  # messages of failed jobs that are shown


class LogHandler(LogHandlerBase):
    """A line for each step that is done, a bar on a terminal, and the messages of what failed at the end."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = True
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        self._stream, self._steps = sys.stderr, Steps()
        self._failed: dict[str, Path | None] = {}  # message → log
        self._said: list[str] = []  # errors of no job
        self._began: dict[int, float] = {}  # job → when, in seconds since 1970
        self._refused = ""  # by the machine, as Snakemake said last
        self._log = ""
        self._interrupted = False
        self._drawn = False
        self._terminal = self._stream.isatty()
        os.environ[QUIET] = "1"  # jobs write to their logs alone
        self._ended = threading.Event()
        if self._terminal:
            threading.Thread(target=self._tick, daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Take one event."""
        with self.lock or threading.RLock():
            self._take(record, time.monotonic())

    def close(self) -> None:
        """Say what failed; nothing is said afterwards, and no bar is drawn by the thread that was about to."""
        with self.lock or threading.RLock():
            if not self._ended.is_set():
                self._ended.set()
                self._wipe()
                self._say_what_failed()
        super().close()

    def _say_what_failed(self) -> None:
        if self._interrupted:
            self._say(f"error: {MESSAGE}")
            return
        for message, log in list(self._failed.items())[-MOST:]:
            self._say(f"{message}\nlog: {log or self._log}")
        if not self._failed and self._said:
            self._say(self._said[-1] + (f"\nlog: {self._log}" if self._log else ""))

    def _take(self, record: logging.LogRecord, now: float) -> None:
        told: dict[str, Any] = record.__dict__
        match told.get("event"):
            case LogEvent.RUN_INFO:
                self._steps.plan(told["stats"], now)
                self._say(f"jobs: {self._steps.total}, in steps: {', '.join(self._steps.planned)}")
            case LogEvent.JOB_INFO:
                self._steps.start(told["jobid"], told["rule_name"], now)
                self._began[told["jobid"]] = record.created
            case LogEvent.JOB_FINISHED:
                if ended := self._steps.end(told["job_id"], now):
                    step, jobs, seconds = ended
                    self._say(f"{clock(seconds):>8}  {step}" + (f" ({jobs} jobs)" if jobs > 1 else ""))
            case LogEvent.JOB_ERROR:
                log = Path(told["log"][0]) if told["log"] else None
                began = self._began.get(told.get("jobid", -1), 0.0)
                self._failed[message_of_job(told["rule_name"], log, began, self._refused)] = log
            case LogEvent.ERROR:
                self._refused = refusal_in(record.getMessage()) or self._refused
                self._said.append(message_of_snakemake(record.getMessage()))
            case None:
                self._take_text(record)
        if self._terminal and not self._drawn:
            self._draw(now)

    def _take_text(self, record: logging.LogRecord) -> None:
        text = str(record.msg or "")
        if text.startswith(COMPLETE):
            self._log = os.path.relpath(text.removeprefix(COMPLETE).split(",")[0].strip())
        elif text.startswith(ENDING):
            self._interrupted = True
        elif text.startswith(NOTHING):
            self._say("nothing to be done: everything is there, and made from this study")
        elif record.levelno == logging.WARNING:
            self._say(text.strip())

    def _tick(self) -> None:
        while not self._ended.wait(TICK):
            with self.lock or threading.RLock():
                if not self._ended.is_set():
                    self._draw(time.monotonic())

    def _say(self, text: str) -> None:
        self._wipe()
        print(text, file=self._stream, flush=True)

    def _draw(self, now: float) -> None:
        steps = self._steps
        if not steps.total or steps.done == steps.total:
            return
        full = WIDTH * steps.done // steps.total
        left = steps.remaining(now)
        line = f"[{'#' * full}{'.' * (WIDTH - full)}] {steps.done} of {steps.total} jobs, {clock(now - steps.began)}"
        line += f", about {clock(left)} left" if left is not None else ""
        self._wipe()
        print(line[: shutil.get_terminal_size().columns - 1], end="", file=self._stream, flush=True)
        self._drawn = True

    def _wipe(self) -> None:
        if self._drawn:
            print("\r\x1b[K", end="", file=self._stream, flush=True)
            self._drawn = False
