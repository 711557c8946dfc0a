"""How many directions, and how many samples, share one pass: as many as are fast, and as memory holds."""

from __future__ import annotations

import torch

from hydra_steps.process.process import Process

# Directions × samples in one pass: what stays in a processor's caches at LeNet-5's size; on a GPU, what fills it.
TOGETHER, TOGETHER_ON_GPU = 512, 16_384
# Bytes of the tangents in one pass: the same on every processor, since sums of other sizes differ by round-off.
MEMORY, SHARE_OF_GPU = 2 * 10**9, 0.25
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
    memory = float(MEMORY)
    if process.device.type == "cuda":
        memory = SHARE_OF_GPU * torch.cuda.get_device_properties(process.device).total_memory
    return int(memory / max(TANGENT * process.bytes_by_sample, 1.0))
