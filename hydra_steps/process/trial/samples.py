"""Does a sample's loss depend on the other samples of its batch?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from hydra_steps.errors import StudyError
from hydra_steps.models.layers import BatchNorm
from hydra_steps.process.flat_model import FlatModel
from hydra_steps.process.process import Batch
from hydra_steps.process.trial.case import Case
from hydra_steps.process.trial.culprit import described, first_different, watched

CLOSE = 1e-9  # relative: sums in another order


def try_samples(case: Case) -> None:
    """The losses of a part of a batch equal those of the whole: in training with all batch norm in its evaluation
    mode, and in evaluation."""
    if case.process.samples < 2:
        return
    model = case.process.model
    with normalised_by_constants(model):
        _compare(case, lambda batch: case.gradient(batch)[2], "in training")
    _compare(case, case.losses, "in evaluation")


def _compare(case: Case, losses: Callable[[Batch], Tensor], when: str) -> None:
    with watched(case.process.model.module) as of_whole:
        whole = losses(case.whole)
    for part in case.halves:
        with watched(case.process.model.module) as of_part:
            found = losses(part)
        rows, size = part.index, case.process.samples
        if torch.allclose(whole[rows], found, rtol=CLOSE, atol=CLOSE):
            continue

        def same(x: Tensor, y: Tensor, rows: Tensor = rows, size: int = size) -> bool:
            if x.ndim and y.ndim and len(x) == size and len(y) == len(rows):
                x = x[rows]
            if x.shape != y.shape:
                return True  # no batch on the first axis: nothing to compare
            return torch.allclose(x, y, rtol=CLOSE, atol=CLOSE, equal_nan=True)

        call = first_different(of_whole, of_part, same)
        where = described(call.name, call.layer) if call else "its own forward"
        raise StudyError(
            f"{where} makes the loss of a sample {when} depend on the others in its batch",
            "losses of single samples; only batch norm's running averages may join them",
            "normalise each sample by itself (nn.LayerNorm, nn.GroupNorm) or use nn.BatchNorm; put samples first where "
            "a layer has batch_first",
        )


@contextmanager
def normalised_by_constants(model: FlatModel) -> Iterator[None]:
    """Keep batch norm in its evaluation mode while the model trains."""
    model.module.train(True)
    norms = [layer for layer in model.module.modules() if isinstance(layer, BatchNorm)]
    for norm in norms:
        norm.train(False)
    try:
        yield
    finally:
        model.module.train(True)
