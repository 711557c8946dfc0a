"""What there is on this machine: memory that jobs may take, and free space where a folder is. Imports no torch."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

# Where Linux says how much a container may take, by the version of its control groups.
LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


@dataclass(frozen=True)
class Available:
    """Bytes that are there: ``disk`` where results go, and ``memory``. Of a disk that nobody asked, nothing is taken
    for granted.
    """

    disk: float = 0.0
    memory: float = float("inf")

    def without(self, disk: float) -> Available:
        """Return what is left once so many bytes of the disk are taken."""
        return replace(self, disk=max(0.0, self.disk - disk))


def available(folder: Path) -> Available:
    """Return what is there for results in ``folder``, which need not exist."""
    return Available(float(shutil.disk_usage(existing(folder)).free), machine_memory())


def machine_memory(limits: Iterable[Path] = LIMITS) -> float:
    """Return the bytes of memory that jobs may take on this machine; infinity where nothing says it."""
    found = [float("inf")]
    with contextlib.suppress(ValueError, OSError, AttributeError):  # not every system has them
        found.append(float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")))
    for path in limits:
        try:
            found.append(float(path.read_text()))
        except (OSError, ValueError):  # not there, or "max"
            continue
    return min(found)


def existing(folder: Path) -> Path:
    """Return the folder or its nearest parent that exists."""
    folder = Path(os.path.abspath(folder))
    return next(path for path in (folder, *folder.parents) if path.exists())


def bytes_in(folder: Path) -> int:
    """Return the bytes of all files in a folder; 0 where it is not there."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
