"""One GPU for each job of this machine.

Snakemake counts GPUs and hands none out, so two jobs would share the first. Each job takes the lock of one device and
sees no other one; it waits where all are taken. The system gives a lock back with the process that held it, however
that ends. On a cluster the scheduler assigns devices, and nothing is locked here.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from hydra_steps.locks import Lock, take_lock

DEVICES, VISIBLE = "HYDRA_DEVICES", "CUDA_VISIBLE_DEVICES"
PAUSE = 0.1  # seconds from one look at the locks to the next
_HELD: list[Lock] = []  # locked for as long as this process lives
_logger = logging.getLogger(__name__)


def take_device(folder: str | Path | None = None) -> str | None:
    """Wait for a free GPU, make it the only visible one, and return its name; None where there is none or one is held.

    To be called before CUDA is used. ``folder`` holds the locks, by default one of this user in the system's folder
    for temporary files.
    """
    if _HELD or "SLURM_JOB_ID" in os.environ:
        return None
    names = device_names()
    if not names:
        return None
    folder = Path(folder or Path(tempfile.gettempdir()) / f"hydra_steps-{os.getuid()}")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    waiting = False
    while True:
        for name in names:
            lock = take_lock(folder / f"device-{name.replace(os.sep, '_')}.lock")
            if lock is None:
                continue
            _HELD.append(lock)
            os.environ[VISIBLE] = name
            return name
        if not waiting:
            _logger.warning("all devices are taken (%s): waiting for one", ", ".join(names))
            waiting = True
        time.sleep(PAUSE)


def device_names() -> list[str]:
    """Return the GPUs that jobs may take: of ``HYDRA_DEVICES``, ``CUDA_VISIBLE_DEVICES``, or all of the machine."""
    for variable in (DEVICES, VISIBLE):
        if variable in os.environ:
            return [name.strip() for name in os.environ[variable].split(",") if name.strip()]
    if shutil.which("nvidia-smi") is None:
        return []
    try:
        asked = subprocess.run(
            ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"],
            text=True,
            capture_output=True,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return asked.stdout.split() if asked.returncode == 0 else []
