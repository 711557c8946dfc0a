"""What the sections that decide a run choose by name from the registry."""

from __future__ import annotations

from hydra_steps.config.sections import RunSettings

TRAINING = ("model", "task", "optimizer", "schedule")  # what a training is made of, beside its data


def chosen_entries(settings: RunSettings, *kinds: str) -> list[tuple[str, str]]:
    """Return (kind, name) of what a run's settings choose, of some kinds."""
    training = settings.training
    names = {
        "dataset": settings.data.name,
        "noise": settings.noise.kind,
        "model": settings.model.name,
        "task": training.loss.name,
        "optimizer": training.optimizer.name,
        "schedule": training.schedule.name,
    }
    return [(kind, names[kind]) for kind in kinds]
