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
from tests.helpers.tiny import built, tiny_data, tiny_rates, tiny_settings

FEATURES, WIDTH, CLASSES = 9, 6, 3


def around(*layers: nn.Module) -> nn.Module:
    """Layers between two linear ones."""
    first, last = nn.Linear(FEATURES, WIDTH), nn.Linear(WIDTH, CLASSES)
    return nn.Sequential(nn.Flatten(), first, *layers, nn.Tanh(), last)


class Residual(nn.Sequential):
    """A block that adds its input: a sequence that does not call its layers one after the other."""

    def forward(self, x: Tensor) -> Tensor:
        return x + super().forward(x)


class Twice(nn.Module):
    """A network that is no sequence; ``hidden`` is called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.hidden = nn.Linear(FEATURES, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.last = nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.hidden(self.first(x.flatten(1)).tanh()).tanh()
        return self.last(self.hidden(x).tanh())


class Masked(nn.Module):
    """A layer with a mask of truth values among its buffers, and a counter of whole numbers that stays."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mask", torch.tensor([True, False, True, True, False, True]))
        self.register_buffer("places", torch.arange(WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        return x.masked_fill(~self.mask, 0) + self.places * x


class Centred(nn.Module):
    """A layer that couples the samples of a batch."""

    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(0)


class Instance(nn.Module):
    """Instance norm of features seen as two channels."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.InstanceNorm1d(2, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x.view(-1, 2, WIDTH // 2)).flatten(1)


class Functional(nn.Module):
    """Dropout that is no layer."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.dropout(x, 0.3, self.training)


class Counting(nn.Module):
    """A layer whose number of calls changes what it does later."""

    calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return x if self.calls < 1000 else 2 * x


class Follower(nn.Module):
    """A layer with a running mean that does not pass derivatives on."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("average", torch.zeros(WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.average = 0.9 * self.average + 0.1 * x.mean(0).detach()
            return x
        return x - self.average


class Straight(torch.autograd.Function):
    """Rounds, and lets the gradient pass as if it did not."""

    @staticmethod
    def forward(context: object, x: Tensor) -> Tensor:
        return x.round()

    @staticmethod
    def backward(context: object, delta: Tensor) -> Tensor:
        return delta


class Reverse(torch.autograd.Function):
    """Lets the gradient pass with another sign, as adversarial training does."""

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def setup_context(context: object, inputs: object, output: object) -> None:
        pass

    @staticmethod
    def backward(context: object, delta: Tensor) -> Tensor:
        return -0.5 * delta


class Reversed(nn.Module):
    """A layer behind which the gradient is not the derivative of the loss."""

    def forward(self, x: Tensor) -> Tensor:
        return Reverse.apply(x)


class Rounded(nn.Module):
    """A layer whose gradient is not the derivative of what it gives."""

    def forward(self, x: Tensor) -> Tensor:
        return Straight.apply(4 * x)


class Branching(nn.Module):
    """A layer that looks at a value, which cannot be mapped over samples; with smooth numbers on both sides."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sigmoid() if bool(x.isfinite().all()) else x


class Single(nn.Module):
    """A layer that computes in single precision, whatever it is given."""

    def forward(self, x: Tensor) -> Tensor:
        x32 = x.float()
        return (x32 * torch.rsqrt(x32.square().mean(-1, keepdim=True) + 1e-6)).to(x.dtype)


class Evaluated(nn.Module):
    """A layer that couples samples in evaluation."""

    def forward(self, x: Tensor) -> Tensor:
        return x if self.training else x / x.std()


class Once(torch.autograd.Function):
    """A square whose backward pass hides from autograd what it depends on."""

    @staticmethod
    def forward(context: torch.autograd.function.FunctionCtx, x: Tensor) -> Tensor:
        context.x = x.detach()  # type: ignore[attr-defined]
        return x.square()

    @staticmethod
    def backward(context: torch.autograd.function.FunctionCtx, delta: Tensor) -> Tensor:
        return 2 * context.x * delta  # type: ignore[attr-defined]


class Hidden(nn.Module):
    """A layer that cannot be differentiated twice."""

    def forward(self, x: Tensor) -> Tensor:
        return Once.apply(x)


class Clipped(nn.Module):
    """A layer that changes its own weights in passing."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(0.5, 1.5, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            self.weight.clamp_(max=1.2)
        return x * self.weight


def _tied() -> nn.Module:
    network = around(nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH, bias=False))
    network[4].weight = network[2].weight
    return network


def _frozen() -> nn.Module:
    network = around(nn.Tanh(), nn.Linear(WIDTH, WIDTH))
    network[1].weight.requires_grad_(False)
    network[3].requires_grad_(False)
    return network


def _hooked() -> nn.Module:
    network = around(nn.Tanh(), nn.Linear(WIDTH, WIDTH))
    network[3].register_forward_hook(lambda layer, inputs, output: output + inputs[0].square())
    return network


def _one_activation() -> nn.Module:
    same = nn.Linear(WIDTH, WIDTH)
    return around(nn.Tanh(), same, nn.Tanh(), same)


def _parameter_hook() -> nn.Module:
    network = around()
    network[1].weight.register_hook(lambda gradient: 2 * gradient)
    return network


def _all_frozen() -> nn.Module:
    return around().requires_grad_(False)


class Attention(nn.Module):
    """The features as three tokens of two, through one layer of a transformer."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(2, 1, 4, dropout, batch_first=True, activation="gelu")

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.view(-1, 3, 2)).flatten(1)


class Recurrent(nn.Module):
    """The features as three steps of two, through a GRU."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.layer = nn.GRU(2, WIDTH, 2 if dropout else 1, batch_first=True, dropout=dropout)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.view(-1, 3, 2))[1][-1]


KINDS: dict[str, Callable[[], nn.Module]] = {
    "layer_norm": lambda: around(nn.LayerNorm(WIDTH)),
    "instance_norm": lambda: around(Instance()),
    "residual_sequence": lambda: around(Residual(nn.Tanh(), nn.Linear(WIDTH, WIDTH))),
    "forward_hook": _hooked,
    "used_twice": Twice,
    "twice_in_a_sequence": _one_activation,
    "tied": _tied,
    "frozen": _frozen,
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
    "parameter_hook": _parameter_hook,
    "all_frozen": _all_frozen,
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
