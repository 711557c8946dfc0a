"""Are loss, gradient and buffers those of the module as its author wrote it?"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hydra_steps.data.group import called
from hydra_steps.errors import StudyError
from hydra_steps.models.dropout import Keyed
from hydra_steps.process.flat_model import by_sample
from hydra_steps.process.trial.case import Case

CLOSE = 1e-8  # relative: batch norm in another order of operations
PIECE = 1 << 20  # numbers that are compared at once: a comparison takes several times their memory


def try_as_written(case: Case) -> None:
    """One training step against plain PyTorch's on the module before anything was taken over; noise is off in both."""
    model, plain, batch = case.process.model, case.plain(), case.whole
    if any(type(layer) is nn.SyncBatchNorm for layer in plain.modules()):
        return  # it runs on several GPUs alone
    model.module.train()
    plain.train()
    for name, layer in model.module.named_modules():
        if isinstance(layer, Keyed):
            layer.train(False)
            plain.get_submodule(name).train(False)
    gradient, after, losses = case.gradient(batch)
    model.module.train()
    parameters = []
    with torch.no_grad():
        for (name, _, _), value in zip(model.layout, model.views(case.state.parameters), strict=True):
            parameters.append(plain.get_parameter(name))
            parameters[-1].copy_(value)
    loss = case.process.loss.values(by_sample(called(plain, batch.inputs)), batch.targets).mean()
    if not _close(loss.detach(), losses.mean()):
        raise StudyError(
            f"its loss is {losses.mean():.6g} here and {loss:.6g} where PyTorch runs it",
            "the same loss",
            "leave its parameters to nn.Module alone: no list of parameters kept by hand, none replaced in forward",
        )
    expected = torch.autograd.grad(loss, parameters, allow_unused=True)
    largest = float(
        gradient.abs().max()
    )  # of all: a bias before batch norm has a gradient of round-off alone
    for (name, _, _), mine, theirs in zip(model.layout, model.views(gradient), expected, strict=True):
        if not _close(mine, torch.zeros_like(mine) if theirs is None else theirs, largest):
            raise StudyError(
                f"the gradient of its parameter {name!r} is not the one that PyTorch computes",
                "the same gradient",
                "leave parameters and hooks to nn.Module alone: no reference to a parameter kept elsewhere",
            )
    for (name, _, _), buffer in zip(model.buffer_layout, model.buffer_views(after), strict=True):
        if not _close(buffer, plain.get_buffer(name)):
            raise StudyError(
                f"its buffer {name!r} after a step is not the one that PyTorch computes", "the same buffer"
            )


def _close(mine: Tensor, theirs: Tensor, scale: float = 1.0) -> bool:
    pieces = zip(mine.reshape(-1).split(PIECE), theirs.reshape(-1).split(PIECE), strict=True)
    return all(torch.allclose(*both, rtol=CLOSE, atol=CLOSE * scale, equal_nan=True) for both in pieces)
