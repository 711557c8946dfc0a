"""Which of PyTorch's kernels a model is called with: those that have a second derivative."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel


@contextmanager
def twice_differentiable(recurrent: bool) -> Iterator[None]:
    """Inside it, layers go by kernels that can be differentiated twice; ``recurrent``: some go along a sequence.

    The fused kernels of attention have no second derivative, and a layer's fast path in evaluation other bits. Those of
    cuDNN for recurrent layers have none either, and in evaluation not even a first one.
    """
    fast, cudnn = torch.backends.mha.get_fastpath_enabled(), torch.backends.cudnn.enabled
    torch.backends.mha.set_fastpath_enabled(False)
    torch.backends.cudnn.enabled = cudnn and not recurrent
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        torch.backends.cudnn.enabled = cudnn
