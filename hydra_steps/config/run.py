"""A run of a study: a variant trained with a seed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Run:
    """One trained model of the study, named ``<variant>-seed<seed>``; nothing reads the name back."""

    variant: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.variant}-seed{self.seed}"

    @property
    def columns(self) -> dict[str, str]:
        """The first three columns of every table."""
        return {"variant": self.variant, "run": self.name, "seed": str(self.seed)}


@dataclass(frozen=True, order=True)
class PlantedRun(Run):
    """A run like ``origin`` on a copy of its data, the ``number``-th, with planted wrong labels.

    Its variant, ``<variant>-planted<number>``, is none of the study's: their names have no hyphen.
    """

    origin: Run
    number: int

    @classmethod
    def of(cls, origin: Run, number: int) -> PlantedRun:
        """Return the ``number``-th copy of a run."""
        return cls(f"{origin.variant}-planted{number}", origin.seed, origin, number)
