"""Processes that can be killed and start at once: forks of one helper process that has imported everything.

The helper has a single thread, so its forks are ordinary processes, and torch is imported once for all of them.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@dataclass
class Child:
    """A process that runs one function."""

    helper: subprocess.Popen[str]
    pid: int
    messages: Path

    def kill(self) -> None:
        """``kill -9``, unless it has ended by itself."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Return the exit code, or minus the signal that ended it."""
        assert self.helper.stdout is not None
        return int(self.helper.stdout.readline())

    @property
    def stderr(self) -> str:
        return self.messages.read_text()


class Helper:
    """The warm parent, which has called ``prepare`` = "module:function".

    ``start("module:function", argument=...)`` forks it; one child at a time per helper.
    """

    def __init__(self, prepare: str) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.warm", prepare],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            raise RuntimeError("the helper process did not start")

    def start(self, function: str, messages: Path, **arguments: Any) -> Child:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {"function": function, "messages": str(messages), "arguments": arguments}
        self._process.stdin.write(json.dumps(order, default=str) + "\n")
        self._process.stdin.flush()
        return Child(self._process, int(self._process.stdout.readline()), messages)

    def run(self, function: str, messages: Path, **arguments: Any) -> Child:
        """Start and wait; the exit code is to be 0."""
        child = self.start(function, messages, **arguments)
        code = child.wait()
        assert code == 0, f"exit code {code}: {child.stderr}"
        return child

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def wait_for(condition: Any, seconds: float = 20.0) -> None:
    """Wait until ``condition()`` holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.002)


def _serve(prepare: str) -> None:
    """Fork for each line of standard input; say the child's process id, then its exit code."""
    _find(prepare)()
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _work(order)
        print(pid, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


def _find(name: str) -> Callable[..., None]:
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(module), function)


def _work(order: dict[str, Any]) -> None:
    from hydra_steps.errors import reported

    with open(order["messages"], "w") as messages:
        os.dup2(messages.fileno(), 1)
        os.dup2(messages.fileno(), 2)
    code = 1
    try:
        with reported():
            _find(order["function"])(**order["arguments"])
        code = 0
    except SystemExit as error:
        code = int(error.code or 0)
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 70
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve(sys.argv[1])
