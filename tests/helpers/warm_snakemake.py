"""Snakemake that starts at once: forks of one process that has imported it.

Half of the time of a run that starts no job would be that import. The process has imported Snakemake, what it needs and
what its jobs need, and nothing of this package: each fork reads the workflow of its own folder. Jobs are forks, too
(warm_jobs.py).
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path

from tests.helpers import warm_jobs

ROOT = Path(__file__).parents[2]
IMPORTED = ("snakemake.cli", "snakemake.api", "snakemake.workflow", "snakemake.report.html_reporter")
IMPORTED += ("smart_open", "jinja2", "jsonschema")


def run_snakemake(arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """Do what ``python -m snakemake`` does with these arguments in a folder; return its exit code and all it said."""
    process = _process()
    assert process.stdin is not None
    assert process.stdout is not None
    with tempfile.NamedTemporaryFile() as said:
        order = {"arguments": list(arguments), "folder": str(folder), "environment": dict(environment)}
        process.stdin.write(json.dumps(order | {"said": said.name}) + "\n")
        process.stdin.flush()
        code = int(process.stdout.readline())
        return code, Path(said.name).read_text(encoding="utf-8")


@cache
def _process() -> subprocess.Popen[str]:
    """The process that is forked; it ends with the one that started it, whose end of the pipe is then closed."""
    command = [sys.executable, "-m", "tests.helpers.warm_snakemake"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def _serve() -> None:
    """Fork for each line of standard input, and say how the fork ended."""
    for module in (*IMPORTED, *warm_jobs.IMPORTED):
        importlib.import_module(module)
    gc.freeze()  # a fork that looked through what was imported would copy it
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _begin(**json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _begin(arguments: list[str], folder: str, environment: dict[str, str], said: str) -> None:
    """Become a run of Snakemake: its folder, environment, arguments and output."""
    with open(said, "wb") as output, open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    sys.path[0] = folder  # as `-m` has it
    environment |= warm_jobs.serve_jobs()
    run = partial(runpy.run_module, "snakemake", run_name="__main__", alter_sys=True)
    os._exit(warm_jobs.start(run, folder, environment, ["snakemake", *arguments]))


if __name__ == "__main__":
    _serve()
