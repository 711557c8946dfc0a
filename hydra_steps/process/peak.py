"""What this process holds in memory at most, since it was last asked to forget.

Of a GPU it is what PyTorch allocated there. Linux tells the largest resident memory since any moment; elsewhere it is
that of the whole process so far.
"""

from __future__ import annotations

import ctypes
import gc
import resource
import sys
from pathlib import Path

import torch

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def forget_peak() -> bool:
    """Begin anew with :func:`peak_memory`; False where the system cannot.

    Memory that was freed and kept would hide what is needed from now on, and is given back.
    """
    gc.collect()
    if _on_gpu():
        torch.cuda.reset_peak_memory_stats()
        return True
    try:
        # No setting and no library gives it back at once.
        ctypes.CDLL(None).malloc_trim(0)
        CLEAR.write_text("5", encoding="ascii")
    except (OSError, AttributeError):
        return False
    return True


def peak_memory() -> int:
    """The largest memory of this process since :func:`forget_peak`, or since its start, in bytes."""
    if _on_gpu():
        return int(torch.cuda.max_memory_allocated())
    if (told := _status("VmHWM")) is not None:
        return told
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def held_memory() -> int:
    """What this process holds now, in bytes; 0 where the system does not tell."""
    return int(torch.cuda.memory_allocated()) if _on_gpu() else _status("VmRSS") or 0


def _on_gpu() -> bool:
    return torch.cuda.is_available() and torch.cuda.is_initialized()


def _status(name: str) -> int | None:
    """A line of Linux's account of this process, in bytes."""
    try:
        lines = STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)
