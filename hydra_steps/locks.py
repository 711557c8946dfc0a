"""A file that one process at a time holds.

The operating system holds the lock (``flock``) and drops it with the process, however that ends, so that a killed one
leaves nothing to be unlocked. filelock's other kind, a file that says who holds it, outlives a killed process, so it is
never fallen back on: where a file system has no locks, that is an error.
"""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout


def take_lock(path: Path) -> FileLock | None:
    """Lock the file ``path``, making it; return the lock, or None where another process, or this one, holds it.

    The lock lasts as long as what is returned, until its ``release()``, and at most as long as this process. Raises
    :class:`OSError` where the file can be neither made nor locked.
    """
    lock = FileLock(path, fallback_to_soft=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return None
    return lock
