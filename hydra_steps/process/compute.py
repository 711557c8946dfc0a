"""What every job sets before it computes: torch's threads, and on CUDA deterministic kernels.

What the C library does with freed memory is set in the environment that a job starts with (:mod:`hydra_steps.jobs`).
"""

from __future__ import annotations

import os

import torch

from hydra_steps.config.sections import Compute
from hydra_steps.process.building import choose_device
from hydra_steps.process.device import take_device


def prepare_compute(compute: Compute) -> None:
    """Set torch's thread count, and on CUDA its deterministic kernels, as every job does before it computes.

    A job that may use a GPU takes one for itself, and computes in full single precision. A CUDA kernel without a
    deterministic form ends the job with a message that names it (:func:`hydra_steps.jobs.job`). On the processor
    every kernel used here is deterministic for a given thread count, and the switch would load PyTorch's compiler, a
    second per job.
    """
    torch.set_num_threads(compute.threads)
    if compute.device != "cpu":
        take_device()
    if choose_device(compute.device).type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = False
