"""Counter-based randomness: uniform numbers that are a pure function of keys.

A sample's dropout mask and its crop depend on (seed, epoch, sample) alone, never on its place in a batch or on what
was drawn before; a re-training without other samples therefore sees the same noise. The mixing function is
splitmix64's finaliser (Steele, Lea and Flood, 2014), on int64 with wrap-around, so it gives the same bits on
every device.
"""

from __future__ import annotations

import torch
from torch import Tensor

_GOLDEN, _MIX_1, _MIX_2 = (
    x - (1 << 64) for x in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)


def _shift_right(x: Tensor, bits: int) -> Tensor:
    """Logical (not sign-extending) right shift of int64."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def mix(x: Tensor) -> Tensor:
    """Splitmix64's finaliser, elementwise on int64."""
    x = x + _GOLDEN
    x = (x ^ _shift_right(x, 30)) * _MIX_1
    x = (x ^ _shift_right(x, 27)) * _MIX_2
    return x ^ _shift_right(x, 31)


def sample_keys(seed: int, epoch: int, samples: Tensor) -> Tensor:
    """One int64 key per sample: samples [b] int64 → keys [b]."""
    start = mix(mix(samples.new_full((), seed)) + epoch)
    return mix(start + samples)


def keyed_uniform(keys: Tensor, stream: int, count: int) -> Tensor:
    """Uniform numbers in [0, 1): keys [b] → [b, count] float32, different for every ``stream``.

    >>> keyed_uniform(sample_keys(0, 1, torch.tensor([7, 8])), 0, 3).shape
    torch.Size([2, 3])
    """
    counters = torch.arange(count, device=keys.device, dtype=torch.int64)
    bits = mix(mix(keys ^ (stream + 1))[:, None] + counters)
    return _shift_right(bits, 40).to(torch.float32) * 2.0**-24
