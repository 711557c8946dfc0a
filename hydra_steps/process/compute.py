"""What every job sets before it computes: torch's threads, the process's memory, and on CUDA deterministic kernels."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Mapping
from typing import Any

import torch

from hydra_steps.process.device import take_device
from hydra_steps.process.process import choose_device

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # glibc's malloc.h: M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
KEPT_FREE, TAKEN_WHOLE = 1 << 30, 32 << 20  # bytes


def prepare_compute(settings: Mapping[str, Any]) -> None:
    """Set torch's thread count, and on CUDA its deterministic kernels, as every job does before it computes.

    A job that may use a GPU takes one for itself, and computes in full single precision. A CUDA kernel without a
    deterministic form ends the job with a message that names it (:func:`hydra_steps.jobs.job`). On the processor
    every kernel used here is deterministic for a given thread count, and the switch would load PyTorch's compiler, a
    second per job.
    """
    torch.set_num_threads(int(settings["compute"].get("threads", 1)))
    keep_freed_memory()
    wanted = settings["compute"].get("device", "cpu")
    if wanted != "cpu":
        take_device()
    if choose_device(wanted).type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = False


def keep_freed_memory() -> bool:
    """Have the C library keep what is freed, up to 1 GiB, for the next step, and return whether it does.

    By default glibc gives the end of its heap back to the system as soon as it is free, and every step of a small
    model asks for the same megabytes again: up to a thousand page faults a step, a third of LeNet-5's time, and more
    where several jobs of a machine fault at once. Nothing happens where the C library is another one.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return False
    return bool(mallopt(TRIM_THRESHOLD, KEPT_FREE) and mallopt(MMAP_THRESHOLD, TAKEN_WHOLE))
