"""What the machine refuses, in a sentence: a disk that is full, a folder that may not be written, a limit; a GPU."""

from __future__ import annotations

import errno
import re

from hydra_steps.errors import StudyError

# Error number → what to do.
REFUSALS = {
    errno.ENOSPC: "free some space and run again",
    errno.EDQUOT: "free some of your quota and run again",
    errno.EFBIG: "raise the limit on file sizes (ulimit -f)",
    errno.EROFS: "choose a folder that can be written",
    errno.EACCES: "change the permissions, or choose a folder that you may write to",
    errno.EPERM: "change the permissions, or choose a folder that you may write to",
    errno.EMFILE: "raise the limit on open files (ulimit -n)",
    errno.ENFILE: "raise the system's limit on open files",
    errno.EIO: "look at the disk",
    errno.ESTALE: "look at the network's file system, and run again",
    errno.EEXIST: "remove what is there, and run again",
    errno.ENOTDIR: "remove what is in the folder's place, and run again",
}
_QUOTED = re.compile(r"\[Errno (\d+)\] ([^:\n\]]+?)(?:: '([^'\n]+)'|[:)\n]|$)")


def refusal(error: OSError) -> str:
    """Return the message for an error of the system; an empty text for one that tells of a mistake of a program."""
    return _sentence(error.errno, error.strerror, error.filename)


def refusal_in(text: str) -> str:
    """Return the message for the last error of the system that a text quotes; empty where there is none.

    >>> refusal_in("PermissionError: [Errno 13] Permission denied: 'results/a'").split(";")[0]
    'reading or writing results/a failed: Permission denied'
    """
    said = [_sentence(int(number), words, file) for number, words, file in _QUOTED.findall(text)]
    return next(filter(None, reversed(said)), "")


def _sentence(number: int | None, words: str | None, file: object) -> str:
    if number not in REFUSALS:
        return ""
    return f"reading or writing {file or 'the results'} failed: {words}; what to do: {REFUSALS[number]}"


def without_order(error: BaseException) -> StudyError | None:
    """The message for a CUDA kernel that adds up in no fixed order, which a job does not allow; None for another
    error."""
    kernel = re.match(r"(\S+) does not have a deterministic implementation", str(error))
    if kernel is None:
        return None
    return StudyError(
        f"the CUDA kernel {kernel[1]} has no deterministic form",
        "kernels that give the same bytes in every run",
        "set compute.device to cpu, or leave out what uses it",
    )


def of_memory(error: BaseException) -> bool:
    """Whether it tells of too little memory, Python's, PyTorch's or a GPU's, and so nothing of what was computed."""
    return isinstance(error, MemoryError) or "alloc" in str(error) or "out of memory" in str(error)
