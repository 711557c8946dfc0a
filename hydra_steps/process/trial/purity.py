"""Does a step run, and is it a function of state and batch alone?"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from hydra_steps.data.group import Group, mapped
from hydra_steps.errors import StudyError
from hydra_steps.models.dropout import Keyed
from hydra_steps.models.layers import BatchNorm
from hydra_steps.process.flat_model import FlatModel
from hydra_steps.process.trial.case import Case
from hydra_steps.process.trial.culprit import Watched, described, first_different, in_words, watched
from hydra_steps.process.trial.differences import first_wrong
from hydra_steps.refusals import without_order


def try_passes(case: Case) -> None:
    """A training step and an evaluation run, and give logits [b, c] for a batch of every size."""
    model, parameters = case.process.model, case.state.parameters
    for batch in (case.whole, *case.halves):
        with watched(model.module) as seen:
            try:
                logits, after = model.train_logits(parameters, case.state.buffers, batch.inputs, batch.keys)
                logits = model.logits(parameters, case.state.buffers, batch.inputs)
            except Exception as error:  # whatever a foreign module trips over
                raise _failed(
                    seen, model.module, error, mapped(lambda x: tuple(x.shape), batch.inputs)
                ) from error
        expected = (len(batch), case.process.outputs_of_sample)
        if not isinstance(logits, Tensor) or tuple(logits.shape) != expected:
            shape = f"of shape {tuple(logits.shape)}" if isinstance(logits, Tensor) else type(logits).__name__
            raise StudyError(
                f"it gives {shape} for a batch of {len(batch)} samples", f"logits of shape {expected}"
            )
        if after.shape != case.state.buffers.shape:
            raise StudyError("a buffer changes its shape in a step", "buffers of one shape")
    with watched(model.module) as seen:
        try:
            gradient = case.gradient(case.whole)[0]
        except Exception as error:
            call = None if seen.open else first_wrong(case)
            where = (
                described(call.name, call.layer) if call else described(*seen.open[-1]) if seen.open else "it"
            )
            if kernel := without_order(error):
                raise StudyError(
                    f"the gradient of {where}: {kernel.found}", kernel.expected, kernel.fix
                ) from error
            raise StudyError(
                f"the gradient of {where} cannot be computed: {in_words(error)}",
                "a loss that PyTorch differentiates by each parameter",
                "compute nothing in place that the gradient needs, and update running averages by assignment",
            ) from error
    if not torch.isfinite(gradient).all():
        raise StudyError(
            f"the gradient of {_first_infinite(seen, model.module)} is not a finite number",
            "finite gradients around the initial parameters",
            "look at roots, logarithms and quotients at 0 and below",
        )


def _first_infinite(seen: Watched, module: nn.Module) -> str:
    """The first layer that gives something infinite, or the whole module: its way back alone may be."""
    for call in seen.calls:
        if not all(torch.isfinite(x).all() for x in call.gave if x.is_floating_point()):
            return described(call.name, call.layer)
    return described("", module)


def try_purity(case: Case) -> None:
    """The same step twice gives the same bits, whatever is computed in between, and changes nothing outside of the
    state."""
    model, (first, second) = case.process.model, case.halves
    state, constants = [part.clone() for part in case.state], _constants(model)
    numbers = _numbers(model.module)
    with watched(model.module) as one:
        before = [*case.gradient(first), case.losses(first)]
    case.gradient(second)
    case.losses(second)
    with watched(model.module) as other:
        again = [*case.gradient(first), case.losses(first)]
    _check_unchanged(case, state, constants, numbers)
    if not all(torch.equal(x, y) for x, y in zip(before, again, strict=True)):
        call = first_different(one, other, torch.equal)
        where = described(call.name, call.layer) if call else "its own forward"
        raise StudyError(
            f"{where} gives other numbers when the same batch comes again",
            "a step that depends on the state and the batch alone",
            "use layers of nn.Dropout for noise (a recurrent layer's own dropout: 0), and a buffer, assigned in "
            "forward, for what is carried from step to step",
        )


def _check_unchanged(
    case: Case, state: list[Tensor], constants: dict[str, Tensor], numbers: dict[str, Any]
) -> None:
    """Raise :class:`StudyError` where a pass changed a tensor or number that it should only read."""
    model = case.process.model
    views = zip(model.layout, model.views(state[0]), model.views(case.state.parameters), strict=True)
    changed = [name for (name, _, _), was, now in views if not torch.equal(was, now)]
    if changed:
        raise StudyError(
            f"a pass changes its parameter {changed[0]!r} in place",
            "parameters that only the optimizer changes",
            "make forward compute a new tensor of it (nn.Embedding: leave max_norm out)",
        )
    now_constant = _constants(model)
    changed = [name for name, was in constants.items() if not torch.equal(was, now_constant[name])]
    if changed:
        raise StudyError(
            f"a pass changes {changed[0]!r}, which is frozen or holds no floating-point numbers",
            "constants, and floating-point buffers for what changes",
            "make it a floating-point buffer, or leave it as it is",
        )
    if not torch.equal(state[2], case.state.buffers):
        raise StudyError(
            "evaluation changes a buffer in place",
            "buffers that only training changes",
            "look at self.training",
        )
    now = _numbers(model.module)
    changed = [name for name in numbers if now.get(name) != numbers[name]]
    if changed:
        raise StudyError(
            f"a pass changes its attribute {changed[0]!r} from {numbers[changed[0]]} to {now.get(changed[0])}",
            "a state that is recorded",
            "leave the counting out, or make it a floating-point buffer",
        )


def _constants(model: FlatModel) -> dict[str, Tensor]:
    tensors = [*model.module.named_parameters(), *model.module.named_buffers()]
    return {name: tensor.detach().clone() for name, tensor in tensors}


def _numbers(module: nn.Module) -> dict[str, Any]:
    """All plain numbers among the attributes of a module's layers."""
    return {
        f"{name}.{attribute}".strip("."): value
        for name, layer in module.named_modules()
        if not isinstance(layer, Keyed | BatchNorm)
        for attribute, value in vars(layer).items()
        if isinstance(value, int | float) and attribute != "training"
    }


def _failed(seen: Watched, module: nn.Module, error: Exception, shape: Any) -> StudyError:
    where = described(*seen.open[-1]) if seen.open else described("", module)
    told = shape.members if isinstance(shape, Group) else shape
    error = without_order(error) or error
    if isinstance(error, StudyError):
        return StudyError(f"{where}: {error.found}", error.expected, error.fix)
    return StudyError(
        f"{where} fails on a batch of shape {told} in float64: {in_words(error)}",
        "a module for samples of this shape, in single and in double precision",
        "mend its forward; register_buffer makes a tensor follow the module's type",
    )
