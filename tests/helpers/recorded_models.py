"""Networks as people write them: a ``forward`` that joins layers by operations."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTH, LENGTH, WORDS, CLASSES = 8, 6, 11, 5


class Unit(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)])
        self.short = nn.Conv2d(inputs, outputs, 1, stride) if inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.norms[0](self.first(x)), inplace=True)
        y = self.norms[1](self.second(y))
        y += x if self.short is None else self.short(x)
        return y.relu_()


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Tanh())
        self.units = nn.Sequential(Unit(4, 4, 1), Unit(4, 8, 2))
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.adaptive_avg_pool2d(self.units(self.stem(x)), 1)
        return self.head(x.view(x.size(0), -1))


class Pooled(nn.Module):
    """Pooling, padding and cutting as functions."""

    def __init__(self) -> None:
        super().__init__()
        self.look, self.head = nn.Conv2d(1, 4, 3, padding=1), nn.Linear(4 * 9 + 4 + 4 * 4, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.look(x).relu()
        largest = functional.max_pool2d(x, 2).reshape(x.shape[0], -1)
        middle = functional.pad(x, (1, 1))[:, :, 1:3].mean((2, 3))
        means = functional.avg_pool2d(x, kernel_size=3, stride=3).flatten(1)
        return self.head(torch.cat([largest, middle, means], dim=1))


class Dense(nn.Module):
    """Gates, sums with numbers, joins."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.gate = (
            nn.Linear(36, WIDTH),
            nn.Linear(36 + WIDTH, WIDTH),
            nn.Linear(36, WIDTH),
        )
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(2 * WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.flatten(x, 1)
        a = torch.tanh(self.one(x))
        b = functional.gelu(self.two(torch.cat((x, a), -1)))
        g = torch.sigmoid(self.gate(x))
        y = g * a + (1 - g) * b * 0.5 - a / 3
        y = self.norm(torch.stack([y, -b, a], dim=1)[:, :2].sum(1))
        return self.head(torch.cat([y, functional.silu(a)], 1))


class Elementwise(nn.Module):
    """Functions of each number, and parameters of a user's own."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.head = nn.Linear(36, WIDTH), nn.Linear(WIDTH, CLASSES)
        self.scale, self.shift = nn.Parameter(torch.rand(WIDTH) + 0.5), nn.Parameter(torch.randn(1, WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        x = self.inner(x.flatten(1)) * self.scale + self.shift
        size = (x.square() + 1).sqrt() + functional.softplus(x) + x.abs() ** 3 + torch.cos(x)
        return self.head(torch.log(1 + size) * torch.exp(-self.scale) + functional.leaky_relu(x, 0.1))


class ByHand(nn.Module):
    """A transformer's layer with attention by products of matrices, a class token and positions."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(6, WIDTH)
        self.token = nn.Parameter(torch.randn(1, 1, WIDTH))
        self.places = nn.Parameter(torch.randn(1, 12, WIDTH))
        self.query, self.key, self.value = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:  # [b, 1, 6, 6]: rows as words
        x = self.enter(x.squeeze(1))
        b, length, _ = x.shape
        x = torch.cat([self.token.expand(b, -1, -1), x], dim=1) + self.places[:, : length + 1]
        y = self.norm(x)
        scores = (self.query(y) @ self.key(y).transpose(-2, -1)) * WIDTH**-0.5
        x = x + torch.matmul(functional.softmax(scores, dim=-1), self.value(y))
        return self.head(x[:, 0])


class Heads(nn.Module):
    """Queries, keys and values from one layer, and PyTorch's attention as a function."""

    def __init__(self, causal: bool = True) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        self.places = nn.Parameter(torch.randn(2 * LENGTH, WIDTH))
        self.all, self.out, self.head = (nn.Linear(WIDTH, n) for n in (3 * WIDTH, WIDTH, CLASSES))
        self.causal = causal

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.words(tokens) + self.places[: tokens.shape[1]]
        b, length, width = x.shape
        parts = (part.view(b, length, 2, width // 2).transpose(1, 2) for part in _three(self.all(x)))
        y = functional.scaled_dot_product_attention(*parts, is_causal=self.causal)
        return self.head((x + self.out(y.transpose(1, 2).reshape(b, length, width))).mean(dim=1))


def _three(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    q, k, v = x.chunk(3, dim=-1)
    return q, k, v


class Layers(nn.Module):
    """PyTorch's own attention and recurrent layer, of which one output is taken."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, WIDTH)
        self.attend = nn.MultiheadAttention(WIDTH, 2, batch_first=True)
        self.read, self.head = nn.GRU(WIDTH, WIDTH, batch_first=True), nn.Linear(WIDTH, CLASSES)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.words(tokens)
        x = x + self.attend(x, x, x, need_weights=False)[0]
        outputs, _ = self.read(x)
        return self.head(outputs[:, -1])


OF_IMAGES = {kind.__name__: kind for kind in (Residual, Pooled, Dense, Elementwise, ByHand)}
OF_TEXTS = {kind.__name__: kind for kind in (Heads, Layers)}


class ByType(nn.Module):
    """What it does depends on what a recording cannot show."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.head = nn.Linear(36, WIDTH), nn.Linear(WIDTH, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        y = self.inner(x.flatten(1)).tanh()
        return self.head(y * y if isinstance(y, Tensor) else y)


class InPlace(ByType):
    """A name for a value that is changed in place afterwards."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.inner(x.flatten(1))
        before = x
        x += 1
        return self.head(x.tanh() + before)


class InTraining(ByType):
    def forward(self, x: Tensor) -> Tensor:
        y = self.inner(x.flatten(1)).tanh()
        return self.head(2 * y if self.training else y)


class Chooses(ByType):
    def forward(self, x: Tensor) -> Tensor:
        y = self.inner(x.flatten(1)).tanh()
        return self.head(y if y.sum() > 0 else 2 * y)


class Again(ByType):
    def forward(self, x: Tensor) -> Tensor:
        y = self.inner(x.flatten(1)).tanh()
        return self.head(y) + self.head(2 * y)


class Itself(ByType):
    """A layer's weight without the layer."""

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.inner(x.flatten(1)) * self.head.weight.mean())


class Unknown(ByType):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.inner(x.flatten(1)).cumsum(1))


class Straight(torch.autograd.Function):
    """A gradient of its own."""

    @staticmethod
    def forward(context: object, x: Tensor) -> Tensor:
        return x * 2

    @staticmethod
    def backward(context: object, delta: Tensor) -> Tensor:
        return delta * 2


class OwnGradient(ByType):
    def forward(self, x: Tensor) -> Tensor:
        return self.head(Straight.apply(self.inner(x.flatten(1))))


class Kept(ByType):
    """A running average of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("average", torch.zeros(WIDTH))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.inner(x.flatten(1)) - self.average)


class Leaves(Kept):
    """Leaves what it met behind."""

    def forward(self, x: Tensor) -> Tensor:
        self.met = x
        self.average = 0.9 * self.average + x.flatten(1).mean(0)
        return super().forward(x)


# With words of the reason why no graph of theirs is used; the first two are found where it is used.
NOT_RECORDED = {
    ByType: "do not give what it gives",
    InPlace: "do not give what it gives",
    InTraining: "does something else in evaluation",
    Chooses: "chooses its way",
    Again: "calls a layer twice",
    Itself: "uses a layer's parameter outside of it",
    Unknown: "calls cumsum",
    OwnGradient: "has a gradient of its own",
    Kept: "uses 'average'",
}
