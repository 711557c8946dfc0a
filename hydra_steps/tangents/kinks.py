"""The kinks of ReLUs, counted by a density: what the second derivative of a path leaves out.

The slope of a ReLU jumps by 1 where its input x passes 0, and its second derivative is 0 everywhere else. A change of
the parameters carries some inputs across, though, and for each the gradient jumps: of a batch's many samples, units and
places so many cross that the mean gradient moves as the density of inputs at 0 says. A kernel estimates it,

    f″(x) = φ(x / h) / h      h = width · 1.06 · s · m^(−1/5)

φ the density of the normal distribution, s the standard deviation of all m numbers x: at a width of 1 the bandwidth of
Silverman's rule (Density Estimation for Statistics and Data Analysis, 1986, equation 3.28). Narrower kernels count few
crossings, whose chance then grows along a training; wider ones count what does not cross. Outputs and slopes stay as
they are, and so does every training. Maxima, whose kinks lie where two values are equal, other activations, and the
ReLU inside a recurrent layer are left as they are. Where memory has a batch go in parts, each part has a bandwidth of
its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

SILVERMAN = 1.06  # for a normal density
_WIDTH: ContextVar[float] = ContextVar("width of kinks", default=0.0)


@contextmanager
def counted_kinks(width: float) -> Iterator[None]:
    """Within, kinks are counted with this width, in bandwidths of Silverman's rule; 0 for not at all."""
    token = _WIDTH.set(width)
    try:
        yield
    finally:
        _WIDTH.reset(token)


def kink_width() -> float:
    """The width with which kinks are counted now."""
    return _WIDTH.get()


def bandwidth(x: Tensor) -> Tensor:
    """Silverman's rule, of all numbers of x."""
    return x.std(correction=0) * (SILVERMAN * math.pow(x.numel(), -0.2))


def bend_of_relu(x: Tensor) -> Tensor | None:
    """f″ at each x; None where kinks are not counted."""
    width = kink_width()
    if not width:
        return None
    h = width * bandwidth(x)
    density = torch.exp((x / h).square() * -0.5) / (h * math.sqrt(2 * math.pi))
    return torch.where(h > 0, density, torch.zeros_like(x))  # inputs that are all alike have no crossings
