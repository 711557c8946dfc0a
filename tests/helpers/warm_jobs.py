"""Jobs of Snakemake, and what it starts to plan them, that start at once: forks of a process that has imported the
libraries that they use.

Two thirds of a small job's time would be those imports. Nothing of this package is among them: each job reads the code
of its own folder, by its own ``PYTHONPATH``.
"""

from __future__ import annotations

import json
import os
import runpy
import select
import shlex
import shutil
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

IMPORTED = ("torch._dynamo", "torch.utils.data", "pandas", "zarr", "xarray")
IMPORTED += (
    "scipy.stats",
    "scipy.optimize",
    "scipy.sparse.linalg",
    "sklearn.metrics",
    "sklearn.linear_model",
)
IMPORTED += ("matplotlib.figure", "matplotlib.backends.backend_agg", "matplotlib.backends.backend_svg")
IMPORTED += ("matplotlib.backends.backend_pdf", "fontTools.subset", "PIL.Image", "jinja2", "docutils.core")
IMPORTED += ("safetensors.torch", "jsonschema", "humanfriendly", "tqdm", "yaml", "snakemake.script")


def serve_jobs() -> dict[str, str]:
    """Fork a process that runs the jobs of this one as long as this one lives, and make Snakemake start them by it;
    return what is to stand in its environment."""
    place = Path(tempfile.mkdtemp(prefix="jobs"))
    link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    link.bind(str(place / "link"))
    link.listen()
    ends, held = os.pipe()  # of which the other end is held by this process alone
    if os.fork() == 0:
        os.close(held)
        _serve(link, ends, place)
    link.close()
    os.close(ends)
    interpreter = place / "python"
    client = [sys.executable, "-IS", str(Path(__file__).with_name("warm_job.py"))]
    interpreter.write_text(f'#!/bin/sh\nexec {shlex.join(client)} "$@"\n')
    interpreter.chmod(0o755)
    sys.executable = str(interpreter)
    return {"WARM_JOBS": str(place / "link")}


def start(run: Callable[[], Any], folder: str, environment: dict[str, str], arguments: list[str]) -> int:
    """Become a program with this folder, environment and arguments; return the exit code."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.dont_write_bytecode = bool(environment.get("PYTHONDONTWRITEBYTECODE"))
    sys.argv[:] = arguments
    code: object = None
    try:
        run()
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 1
    with suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)


def _serve(link: socket.socket, ends: int, place: Path) -> None:
    """Fork for each job that comes, until the process that started this one has ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        if ends in select.select([link, ends], [], [])[0]:
            shutil.rmtree(place, ignore_errors=True)
            os._exit(0)
        job, _ = link.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            link.close()
            _work(job)
        job.close()


def _work(job: socket.socket) -> None:
    message, descriptors, _, _ = socket.recv_fds(job, 1 << 20, 3)
    order = json.loads(message)
    for stream, descriptor in enumerate(descriptors):
        os.dup2(descriptor, stream)
        os.close(descriptor)
    sys.stdin = os.fdopen(0, closefd=False)
    arguments, environment = order["arguments"], order["environment"]
    path = [part for part in environment.get("PYTHONPATH", "").split(os.pathsep) if part]
    if arguments[0] == "-m":
        first, run = order["folder"], partial(runpy.run_module, arguments[1], alter_sys=True)
        order["arguments"] = arguments[1:]
    else:
        first, run = str(Path(arguments[0]).parent), partial(runpy.run_path, arguments[0])
    sys.path[:] = [first, *path, *sys.path[1:]]
    code = start(partial(run, run_name="__main__"), **order)
    with suppress(OSError):
        job.send(str(code).encode())
    os._exit(code)
