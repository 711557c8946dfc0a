"""Layers and networks of kinds that a differentiated training easily gets wrong."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

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


def tied() -> nn.Module:
    network = around(nn.Linear(WIDTH, WIDTH), nn.Tanh(), nn.Linear(WIDTH, WIDTH, bias=False))
    network[4].weight = network[2].weight
    return network


def frozen() -> nn.Module:
    network = around(nn.Tanh(), nn.Linear(WIDTH, WIDTH))
    network[1].weight.requires_grad_(False)
    network[3].requires_grad_(False)
    return network


def hooked() -> nn.Module:
    network = around(nn.Tanh(), nn.Linear(WIDTH, WIDTH))
    network[3].register_forward_hook(lambda layer, inputs, output: output + inputs[0].square())
    return network


def one_activation() -> nn.Module:
    same = nn.Linear(WIDTH, WIDTH)
    return around(nn.Tanh(), same, nn.Tanh(), same)


def parameter_hook() -> nn.Module:
    network = around()
    network[1].weight.register_hook(lambda gradient: 2 * gradient)
    return network


def all_frozen() -> nn.Module:
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
