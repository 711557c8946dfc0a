"""A study's own models of kinds that a differentiated training easily gets wrong, and plain autograd through theirs.

This file is a plug-in: ``use_plugins([foreign.__file__])`` makes the model ``foreign`` known, whose ``kind`` is a name
in ``KINDS``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel

from hydra_steps.data import RunData
from hydra_steps.models.build import plain_model
from hydra_steps.plugins import model
from hydra_steps.process.process import Process
from hydra_steps.registry import use_plugins
from tests.helpers.foreign_layers import (
    FEATURES,
    WIDTH,
    Attention,
    Branching,
    Centred,
    Clipped,
    Counting,
    Evaluated,
    Follower,
    Functional,
    Hidden,
    Instance,
    Masked,
    Recurrent,
    Residual,
    Reversed,
    Rounded,
    Single,
    Twice,
    all_frozen,
    around,
    frozen,
    hooked,
    one_activation,
    parameter_hook,
    tied,
)
from tests.helpers.tiny import built, tiny_data, tiny_rates, tiny_settings

KINDS: dict[str, Callable[[], nn.Module]] = {
    "layer_norm": lambda: around(nn.LayerNorm(WIDTH)),
    "instance_norm": lambda: around(Instance()),
    "residual_sequence": lambda: around(Residual(nn.Tanh(), nn.Linear(WIDTH, WIDTH))),
    "forward_hook": hooked,
    "used_twice": Twice,
    "twice_in_a_sequence": one_activation,
    "tied": tied,
    "frozen": frozen,
    "masks": lambda: around(Masked()),
    "dropout": lambda: around(nn.Dropout(0.3)),
    "batch_norm": lambda: around(nn.BatchNorm1d(WIDTH)),
    "plain_batch_norm": lambda: around(nn.BatchNorm1d(WIDTH, affine=False)),
    "statistics_of_the_batch": lambda: around(nn.BatchNorm1d(WIDTH, track_running_stats=False)),
    "coupled": lambda: around(Centred()),
    "weight_norm": lambda: around(nn.utils.parametrizations.weight_norm(nn.Linear(WIDTH, WIDTH))),
    "functional_dropout": lambda: around(Functional()),
    "counting": lambda: around(Counting()),
    "follower": lambda: around(Follower()),
    "hidden": lambda: around(Hidden()),
    "clipped": lambda: around(Clipped()),
    "parameter_hook": parameter_hook,
    "all_frozen": all_frozen,
    "attention": lambda: around(Attention()),
    "attention_dropout": lambda: around(Attention(0.3)),
    "recurrent": lambda: around(Recurrent()),
    "recurrent_dropout": lambda: around(Recurrent(0.3)),
    "branching": lambda: around(Branching()),
    "reversed": lambda: around(Reversed()),
    "single": lambda: around(Single()),
    "straight": lambda: around(Rounded()),
    "evaluated": lambda: around(Evaluated()),
    "wrong_outputs": lambda: nn.Sequential(nn.Flatten(), nn.Linear(FEATURES, WIDTH)),
    "fails": lambda: nn.Sequential(nn.Flatten(), nn.Linear(FEATURES, 5), Recurrent()),
}


@model("foreign")
def foreign(shape: Sequence[int], outputs: int, kind: str = "layer_norm") -> nn.Module:
    """A model of one kind."""
    return KINDS[kind]()


@model("sized")
def sized(shape: Sequence[int], outputs: int, kind: str = "layer_norm") -> nn.Module:
    """A model of one kind for samples and classes of any number."""
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(WIDTH), *KINDS[kind]()[2:-1], nn.LazyLinear(outputs))


def foreign_process(kind: str, **training: object) -> tuple[Process, RunData, list[float]]:
    """A built process with the model ``kind`` in float64, its data and its rates."""
    use_plugins([__file__])
    settings, data = tiny_settings(**training), tiny_data()
    settings["model"] = {"name": "foreign", "kind": kind}
    process = built(settings, data)
    return process, data, tiny_rates(process)


def plain_contribution(process: Process, rates: Sequence[float], images: Tensor, labels: Tensor) -> Tensor:
    """c [q, n] to the losses of ``images`` [q, …], by autograd through the training of the module as its author wrote
    it: no part of this package but the batches and the optimizer's update.

    For modules without randomness and without buffers that change.
    """
    model = process.settings.model
    module = plain_model(
        model.name, process.inputs.shape[1:], process.outputs, model.options, process.seed
    ).double()
    trained = {key: p for key, p in module.named_parameters() if p.requires_grad}
    parameters = torch.cat([p.detach().reshape(-1) for p in trained.values()]).requires_grad_()
    slots = parameters.new_zeros(process.optimizer.slots, len(parameters))
    weights = torch.ones(process.samples, dtype=torch.float64, requires_grad=True)

    def logits(flat: Tensor, batch: Tensor) -> Tensor:
        pieces = flat.split([p.numel() for p in trained.values()])
        named = {key: piece.view(p.shape) for (key, p), piece in zip(trained.items(), pieces, strict=True)}
        with sdpa_kernel(SDPBackend.MATH):  # the other kernels of attention have no second derivative
            return torch.func.functional_call(module, named, (batch,), tie_weights=True)

    module.train()
    for step in range(process.steps):
        batch = process.batch(step)
        losses = functional.cross_entropy(logits(parameters, batch.inputs), batch.targets, reduction="none")
        loss = (losses * weights[batch.index]).sum() / len(batch)
        (gradient,) = torch.autograd.grad(loss, parameters, create_graph=True)
        parameters, slots = process.optimizer.update(parameters, slots, gradient, rates[step], step)
    module.eval()
    values = functional.cross_entropy(logits(parameters, images), labels, reduction="none")
    return -torch.stack([torch.autograd.grad(value, weights, retain_graph=True)[0] for value in values])
