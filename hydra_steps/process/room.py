"""How many directions, samples and trainings share one pass: as many as are fast, and as memory holds."""

from __future__ import annotations

import torch

from hydra_steps.process.process import Process

# Directions × samples in one pass: what stays in a processor's caches at LeNet-5's size; on a GPU, what fills it.
TOGETHER, TOGETHER_ON_GPU = 512, 16_384
# Bytes of the tangents in one pass: the same on every processor, since sums of other sizes differ by round-off.
MEMORY, SHARE_OF_GPU = 2 * 10**9, 0.25
TRAINING = 2  # a training among others takes as many times what a pass keeps of its batch (DenseNet-40: 1.7)
TANGENT = 3  # a direction takes as many times what the pass keeps of its samples (ResNet, DenseNet and LeNet-5: 2 to 3)


def directions_together(process: Process, samples: int) -> int:
    """How many directions may share a pass over so many samples, by time and by memory; at least one."""
    most = TOGETHER_ON_GPU if process.device.type == "cuda" else TOGETHER
    return max(1, min(most // max(samples, 1), _pairs(process) // max(samples, 1)))


def samples_together(process: Process, samples: int) -> int:
    """How many of a batch's samples may share a pass along one direction, by memory; all where they depend on each
    other, or where a step changes buffers."""
    if process.model.coupled or len(process.model.initial_buffers):
        return samples
    return max(1, min(samples, _pairs(process)))


def _pairs(process: Process) -> int:
    """Of how many directions times samples memory holds the tangents."""
    memory = _of_gpu(process) if process.device.type == "cuda" else float(MEMORY)
    return int(memory / max(TANGENT * process.bytes_by_sample, 1.0))


def _of_gpu(process: Process) -> float:
    return SHARE_OF_GPU * torch.cuda.get_device_properties(process.device).total_memory


def trainings_together(process: Process, most: int, memory: float | None = None) -> int:
    """How many trainings may share the passes, at ``most`` so many: a power of two that ``memory`` holds, by default a
    share of the process's GPU; at least one."""
    batch = TRAINING * process.bytes_by_sample * max(process.sizes, default=0)
    each = batch + 2 * process.bytes_per_state  # and a gradient and the next state
    count = most
    while count > 1 and count * each > (_of_gpu(process) if memory is None else memory):
        count //= 2
    return count
