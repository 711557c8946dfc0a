"""Tiny runs for the tests of Φ and of what is derived from it: float64, a dozen samples, a few steps."""

from __future__ import annotations

import numpy as np
import torch

from hydra_steps.config.sections import RunSettings
from hydra_steps.data import RunData, Split
from hydra_steps.process.building import build_process
from hydra_steps.process.process import Process

OPTIMIZERS = {
    "sgd": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.0, "weight_decay": 0.0},
    "momentum": {"name": "sgd", "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.01},
    "dampened": {
        "name": "sgd",
        "learning_rate": 0.1,
        "momentum": 0.8,
        "dampening": 0.3,
        "weight_decay": 0.01,
    },
    "nesterov": {
        "name": "sgd",
        "learning_rate": 0.1,
        "momentum": 0.9,
        "nesterov": True,
        "weight_decay": 0.01,
    },
    "decoupled": {
        "name": "sgd",
        "learning_rate": 0.1,
        "momentum": 0.9,
        "weight_decay": 0.05,
        "decoupled": True,
    },
    "adam": {"name": "adam", "learning_rate": 0.01, "weight_decay": 0.01},
    "adamw": {"name": "adamw", "learning_rate": 0.01, "weight_decay": 0.05},
    "rmsprop": {"name": "rmsprop", "learning_rate": 0.01, "momentum": 0.5, "weight_decay": 0.01},
}
SCHEDULES = {
    "constant": {"name": "constant"},
    "multistep": {"name": "multistep", "milestones": [1, 2], "factor": 0.5},
    "cosine": {"name": "cosine"},
    "warmup": {"name": "constant", "warmup_epochs": 1},
    "plateau": {"name": "plateau", "factor": 0.5, "patience": 0},
}
MODELS = {
    "plain": {"name": "mlp", "hidden": [5]},
    "batch_norm": {"name": "mlp", "hidden": [5], "batch_norm": True},
    "dropout": {"name": "mlp", "hidden": [6], "dropout": 0.3},
    "augmentation": {"name": "mlp", "hidden": [5]},
}


# Every optimizer with every variant; a schedule only gives rates, and each stands beside most of both.
CASES = [
    (optimizer, list(SCHEDULES)[(i + j) % len(SCHEDULES)], variant)
    for i, optimizer in enumerate(OPTIMIZERS)
    for j, variant in enumerate(MODELS)
]


def tiny_data(samples: int = 11, side: int = 3, classes: int = 3, seed: int = 0) -> RunData:
    """Random images with labels that depend on them; 6 validation and 7 test samples."""
    generator = np.random.default_rng(seed)

    def split(count: int) -> Split:
        images = generator.standard_normal((count, 1, side, side)).astype(np.float32)
        labels = np.argmax(images.reshape(count, -1)[:, :classes] + 0.5, axis=1).astype(np.int64)
        labels[:classes] = np.arange(classes)[:count]  # every class is there
        return Split(images, labels, np.arange(count))

    validation, test, train = split(6), split(7), split(samples)
    return RunData(
        train=train,
        validation=validation,
        test=test,
        clean_targets=train.targets.copy(),
        is_noisy=np.zeros(samples, dtype=bool),
        outputs=tuple(str(c) for c in range(classes)),
        name="tiny",
        digest="0" * 64,
    )


def tiny_settings(
    optimizer: str = "momentum", schedule: str = "constant", variant: str = "plain", **training: object
) -> dict:
    """A run's configuration: 3 epochs of batches of 4 (the last one short)."""
    settings: dict = {
        "seed": 3,
        "model": dict(MODELS[variant]),
        "training": {
            "epochs": 3,
            "batch_size": 4,
            "sampling": "shuffle",
            "loss": {"name": "cross_entropy", "label_smoothing": 0.0},
            "optimizer": dict(OPTIMIZERS[optimizer]),
            "schedule": dict(SCHEDULES[schedule]),
            "augment": {"crop": 1, "flip": True} if variant == "augmentation" else {"crop": 0, "flip": False},
        },
        "compute": {"device": "cpu", "dtype": "float64"},
    }
    settings["training"].update(training)
    return settings


def built(settings: dict, data: RunData) -> Process:
    """The process of plain settings, as most tests have them."""
    return build_process(RunSettings.of(settings), data)


def tiny_rates(process: Process) -> list[float]:
    """The rates of a base run, with a validation loss that rises every second epoch (so that plateau reacts)."""
    schedule, rates = process.schedule(), []
    for step in range(process.steps):
        rates.append(schedule.rate(step))
        if (step + 1) % process.steps_per_epoch == 0:
            schedule.end_epoch(1.0 + 0.1 * (step // process.steps_per_epoch))
    return rates


def tiny_process(
    optimizer: str = "momentum",
    schedule: str = "constant",
    variant: str = "plain",
    data: RunData | None = None,
    **training: object,
) -> tuple[Process, RunData, list[float]]:
    """A built process, its data and its rates."""
    data = data or tiny_data()
    process = built(tiny_settings(optimizer, schedule, variant, **training), data)
    return process, data, tiny_rates(process)


def relative_error(found: torch.Tensor, expected: torch.Tensor) -> float:
    """‖found − expected‖ / ‖expected‖ in the largest norm."""
    scale = expected.abs().max().clamp_min(1e-300)
    return float((found - expected).abs().max() / scale)
