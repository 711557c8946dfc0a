"""What the costs of a study are multiplied from: sizes of a network, counted by ``meta``, and seconds, measured by
``calibration`` or worked out by ``nominal``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Counts:
    """What passes through a network take: ``multiplications`` (each with its addition) and numbers ``written`` to
    memory of one sample, and ``operations``, calls of a kernel, of a batch.
    """

    multiplications: float
    written: float
    operations: int


@dataclass(frozen=True)
class Network:
    """The size of a network: ``parameters`` and ``buffers`` (numbers), the work of a ``forward`` pass and of a
    ``step`` (forward and backward), and ``saved`` bytes that a sample keeps in between, as the module was built (in
    single precision). ``factors``: entries of the Kronecker factors of all weights' curvature, (out, in) → out² + in².
    """

    parameters: int
    buffers: int
    forward: Counts
    step: Counts
    saved: float
    factors: int = 0


@dataclass(frozen=True)
class MethodCost:
    """Seconds of one method: ``fixed`` + ``per_step`` · T + ``per_sample`` · n.

    ``source`` says how sure that is: measured, scaled from something that was measured, or nominal.
    """

    fixed: float = 0.0
    per_step: float = 0.0
    per_sample: float = 0.0
    source: str = "measured"

    def seconds(self, steps: int, samples: int) -> float:
        return self.fixed + self.per_step * steps + self.per_sample * samples

    def times(self, factor: float, source: str) -> MethodCost:
        """Return a cost so many times as large."""
        return MethodCost(self.fixed * factor, self.per_step * factor, self.per_sample * factor, source)


@dataclass(frozen=True)
class Held:
    """What a job is sure to hold in memory at once: ``bytes``, and in words what they follow from."""

    bytes: float = 0.0
    words: str = ""


@dataclass(frozen=True)
class Calibration:
    """What is known of one run configuration.

    ``parameters``, ``slots`` and ``buffers`` are the sizes of the state; ``startup`` the seconds that a job needs
    to be ready; ``training_memory`` and ``scoring_memory`` the peaks of a process in bytes, after each, and
    ``trial_memory`` that of the model's trial before a training. ``source`` is that of the steps, as a method's.
    ``held``: what a method holds beside that, by label.
    """

    parameters: int
    slots: int
    buffers: int
    seconds_per_step: float
    seconds_per_evaluated_sample: float
    methods: Mapping[str, MethodCost]
    startup: float
    training_memory: int
    scoring_memory: int
    trial_memory: int = 0
    source: str = "measured"
    held: Mapping[str, Held] = field(default_factory=dict)
