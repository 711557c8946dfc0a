"""Learning-rate schedules of a study, by name; see :mod:`hydra_steps.process.schedules.schedule`."""

from hydra_steps.process.schedules.schedule import Schedule

__all__ = ["Schedule"]
