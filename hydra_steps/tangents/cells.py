"""The cells of recurrent layers: their states place by place, and what they are linearised; see :mod:`.recurrence`.

From the inputs' part P = x Wᵀ + b, and that of the state before, a = h₋ Uᵀ + c, of the gates:

    RNN     h = tanh(P + a), or ReLU
    LSTM    i, f, o = σ(P + a)      g = tanh(P + a)                 C = f C₋ + i g      h = o tanh C
    GRU     r, z = σ(P + a)         n = tanh(P_n + r a_n)           h = n + z (h₋ − n)

Places come first here: a value is [l, b, 1, …], its tangents are [l, b, q, …]. Index letters: l places, b samples,
q directions, g gates, w width.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor


class Slopes(NamedTuple):
    """The derivatives of what a cell carries along its gates [l, b, ·, g, w] and along what it carried before
    [l, b, ·, w] (None for zero), and of its state along what it carries and along the last gate, [l, b, ·, w]; None for
    the last two where the state itself is carried."""

    gates: Tensor
    carry: Tensor | None = None
    read: tuple[Tensor, Tensor] | None = None


class Moved(NamedTuple):
    """The tangents of a cell at all places: of P [l, b, q, g, w], of the gates before their function (of a GRU's n: of
    a_n), and of what is carried before and after each place [l, b, q, w]."""

    inputs: Tensor
    gates: Tensor
    before: Tensor
    after: Tensor


class Cell(ABC):
    """A cell gone through all places of P [l, b, g·w], which becomes its own, with U [g·w, w] and c [g·w].

    ``states`` [l + 1, b, w] are those before the first place, which is zero, and after each.
    """

    states: Tensor
    slopes: Slopes

    @abstractmethod
    def __init__(self, p: Tensor, u: Tensor, c: Tensor | None) -> None: ...

    def enter(self, p_dot: Tensor, a_dot: Tensor) -> Tensor | None:
        """What the inputs' tangents Ṗ add to those of the gates, ``a_dot`` [l, b, q, g, w], in place, and to what is
        carried [l, b, q, w]."""
        a_dot += p_dot
        return None

    @abstractmethod
    def bend(self, moved: Moved) -> Slopes:
        """The tangents of the slopes."""

    def leave(self, of_gates: Tensor, carried: Tensor, bent: tuple[Moved, Tensor] | None = None) -> Tensor:
        """The cotangents of P from those of the gates [l, b, ·, g, w] and of what is carried [l, b, ·, w], or the
        tangents of the former from those of the latter, and ``bent``: how all moved, and the cotangents of what is
        carried."""
        return of_gates


def _before_first(p: Tensor, width: int) -> Tensor:
    """For what there is before the first place, which is zero, and after each."""
    states = p.new_empty(len(p) + 1, p.shape[1], width)
    states[0] = 0
    return states


class Tanh(Cell):
    """Of an RNN."""

    def __init__(self, p: Tensor, u: Tensor, c: Tensor | None) -> None:
        p = p if c is None else p.add_(c)
        self.states = _before_first(p, p.shape[2])
        h = self.states.unbind()
        for t, at in enumerate(p.unbind()):
            self.act(at.addmm_(h[t], u.T), h[t + 1])
        self.h = self.states[1:].unsqueeze(2)
        self.slopes = Slopes(self.slope().unsqueeze(3))

    def act(self, x: Tensor, out: Tensor) -> None:
        """The function, of the gate before it."""
        torch.tanh(x, out=out)

    def slope(self) -> Tensor:
        """Its derivative at all places."""
        return 1 - self.h * self.h

    def bend(self, moved: Moved) -> Slopes:
        """Of 1 − h²."""
        return Slopes((self.h * moved.after).mul_(-2).unsqueeze(3))


class Relu(Tanh):
    """Of an RNN whose function it is."""

    def act(self, x: Tensor, out: Tensor) -> None:
        """The function, of the gate before it."""
        torch.clamp(x, min=0, out=out)

    def slope(self) -> Tensor:
        """Its derivative at all places."""
        return (self.h > 0).to(self.h)

    def bend(self, moved: Moved) -> Slopes:
        """Nothing."""
        return Slopes(torch.zeros_like(moved.gates))


class Long(Cell):
    """Of an LSTM, which carries C."""

    def __init__(self, p: Tensor, u: Tensor, c: Tensor | None) -> None:
        width = u.shape[1]
        p = p if c is None else p.add_(c)
        self.states, carried = _before_first(p, width), _before_first(p, width)
        h, cs, places = self.states.unbind(), carried.unbind(), p.unbind()
        parts = p.unflatten(2, (4, width))
        firsts, (i, f, g, o) = parts[:, :, :2].unbind(), (part.unbind() for part in parts.unbind(2))
        ends = torch.empty_like(carried[1:])  # tanh C
        for t, end in enumerate(ends.unbind()):
            places[t].addmm_(h[t], u.T)
            firsts[t].sigmoid_()
            g[t].tanh_()
            o[t].sigmoid_()
            torch.mul(i[t], g[t], out=cs[t + 1])
            torch.tanh(cs[t + 1].addcmul_(f[t], cs[t]), out=end)
            torch.mul(o[t], end, out=h[t + 1])
        self.gates = parts.unsqueeze(2).unbind(3)
        i, f, g, o = self.gates
        self.before, self.end = carried[:-1].unsqueeze(2), ends.unsqueeze(2)
        self.of_gates = torch.stack([i * (1 - i), f * (1 - f), 1 - g * g, o * (1 - o)], 3)
        self.of_end = 1 - self.end * self.end
        along = torch.stack([g, self.before, i, self.end], 3).mul_(self.of_gates)
        self.slopes = Slopes(along[:, :, :, :3], f, (o * self.of_end, along[:, :, :, 3]))

    def bend(self, moved: Moved) -> Slopes:
        """By the gates' tangents and that of tanh C."""
        (i, f, g, o), slopes = self.gates, self.of_gates
        i_dot, f_dot, g_dot, o_dot = (moved.gates * slopes).unbind(3)
        end_dot = moved.after * self.of_end
        along = torch.stack([g_dot, moved.before, i_dot, end_dot], 3).mul_(slopes)
        along[:, :, :, 0].addcmul_(g * (1 - 2 * i), i_dot)
        along[:, :, :, 1].addcmul_(self.before * (1 - 2 * f), f_dot)
        along[:, :, :, 2].addcmul_(i * g, g_dot, value=-2)
        along[:, :, :, 3].addcmul_(self.end * (1 - 2 * o), o_dot)
        of_end = (o_dot * self.of_end).addcmul_(o * self.end, end_dot, value=-2)
        return Slopes(along[:, :, :, :3], f_dot, (of_end, along[:, :, :, 3]))


class Gated(Cell):
    """Of a GRU, whose n sees the state's part behind a gate: r stands between P_n and a_n."""

    def __init__(self, p: Tensor, u: Tensor, c: Tensor | None) -> None:
        width = u.shape[1]
        a = torch.zeros_like(p) if c is None else c.expand(p.shape).clone()
        self.states = _before_first(p, width)
        h, places = self.states.unbind(), a.unbind()
        parts, others = p.unflatten(2, (3, width)), a.unflatten(2, (3, width))
        gates, (r, z, n) = parts[:, :, :2].unbind(), (part.unbind() for part in parts.unbind(2))
        of_gates, a_n = others[:, :, :2].unbind(), others[:, :, 2].unbind()
        for t in range(len(p)):
            places[t].addmm_(h[t], u.T)
            gates[t].add_(of_gates[t]).sigmoid_()
            n[t].addcmul_(r[t], a_n[t]).tanh_()
            torch.lerp(n[t], h[t], z[t], out=h[t + 1])
        self.gates, self.a_n = parts.unsqueeze(2).unbind(3), others[:, :, 2].unsqueeze(2)
        r, z, n = self.gates
        self.back = self.states[:-1].unsqueeze(2) - n  # h₋ − n
        self.of_r, self.of_z, self.of_n = r * (1 - r), z * (1 - z), 1 - n * n
        self.along_n = (1 - z) * self.of_n
        along = [self.along_n * self.a_n * self.of_r, self.back * self.of_z, self.along_n * r]
        self.slopes = Slopes(torch.stack(along, 3), z)

    def enter(self, p_dot: Tensor, a_dot: Tensor) -> Tensor | None:
        """Ṗ_n does not go through r."""
        a_dot[:, :, :, :2] += p_dot[:, :, :, :2]
        carried: Tensor = self.along_n * p_dot[:, :, :, 2]
        return carried

    def bend(self, moved: Moved) -> Slopes:
        """By the gates' tangents."""
        r, z, n = self.gates
        r_dot, z_dot, n_dot = self._gates_dot(moved)
        along_n_dot = self._along_n_dot(z_dot, n_dot)
        of_r = (self.along_n * self.of_r) * moved.gates[:, :, :, 2]
        of_r.addcmul_(self.a_n * self.of_r, along_n_dot)
        of_r.addcmul_(self.along_n * self.a_n * (1 - 2 * r), r_dot)
        of_z = (moved.before - n_dot).mul_(self.of_z).addcmul_(self.back * (1 - 2 * z), z_dot)
        of_n = (along_n_dot * r).addcmul_(self.along_n, r_dot)
        return Slopes(torch.stack([of_r, of_z, of_n], 3), z_dot)

    def _gates_dot(self, moved: Moved) -> tuple[Tensor, Tensor, Tensor]:
        """ṙ, ż, ṅ."""
        of_r, of_z, of_a_n = moved.gates.unbind(3)
        r_dot = of_r * self.of_r
        n_dot = (moved.inputs[:, :, :, 2] + r_dot * self.a_n).addcmul_(self.gates[0], of_a_n).mul_(self.of_n)
        return r_dot, of_z * self.of_z, n_dot

    def _along_n_dot(self, z_dot: Tensor, n_dot: Tensor) -> Tensor:
        """Of (1 − z)(1 − n²)."""
        _, z, n = self.gates
        along: Tensor = (z_dot * -self.of_n).addcmul_((1 - z) * n, n_dot, value=-2)
        return along

    def leave(self, of_gates: Tensor, carried: Tensor, bent: tuple[Moved, Tensor] | None = None) -> Tensor:
        """Those of P_n do not go through r."""
        of_n = self.along_n * carried
        if bent is not None:
            moved, cotangent = bent
            of_n.addcmul_(self._along_n_dot(*self._gates_dot(moved)[1:]), cotangent)
        return torch.cat([of_gates[:, :, :, :2], of_n.unsqueeze(3)], 3)
