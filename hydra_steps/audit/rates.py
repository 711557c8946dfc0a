"""A learning rate by a short search: the one that lowers the validation loss most within a part of the training."""

from __future__ import annotations

import math
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra_steps.config.runs import PlainStudy, audited_run, run_config, run_settings
from hydra_steps.config.sources import source_settings
from hydra_steps.errors import StudyError

RATES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
SHARE = 1 / 3  # of the epochs


def search_rate(study: PlainStudy) -> float:
    """Return the rate among ``RATES`` whose training, of a third of the epochs, has the lowest validation loss.

    ``study`` is resolved; its data are split as its audit will split them, with the labels as they came. The same
    study gives the same rate. Cost: less than two trainings. Raises :class:`StudyError` where every rate diverges.
    """
    from hydra_steps.counterfactual.fresh import train_anew
    from hydra_steps.data import noise_labels, split_data
    from hydra_steps.process.building import load_data
    from hydra_steps.process.compute import prepare_compute
    from hydra_steps.process.running import evaluate

    run = audited_run(study).name
    settings = run_settings(study, run)
    prepare_compute(settings.compute)
    with tempfile.TemporaryDirectory() as folder:
        splits, labels = Path(folder) / "splits.csv", Path(folder) / "labels.csv"
        own = run_config(study, run)["data"]
        source = source_settings(own)
        sizes = {key: own[key] for key in ("train", "validation", "test", "seed", "validation_from")}
        split_data(**source, **sizes, output=splits)
        where = (source["name"], source["folder"])
        noise_labels(splits, *where, "unknown", {}, 0, labels, source=source.get("options"))
        data = load_data(settings, splits, labels)
    epochs = max(1, round(SHARE * settings.training.epochs))
    losses: dict[float, float] = {}
    for rate in RATES:
        optimizer: Any = {**settings.training.optimizer.plain(), "learning_rate": rate}
        training = {**settings.training.plain(), "epochs": epochs, "optimizer": optimizer}
        tried = replace(settings, training=type(settings.training).of(training))
        try:
            process, state = train_anew(tried, data, settings.seed)
            loss = evaluate(
                process, state, process.place(data.validation.inputs), process.place(data.validation.targets)
            )[0]
        except StudyError:  # it diverged
            loss = math.inf
        losses[rate] = loss if math.isfinite(loss) else math.inf
    best = min(losses, key=lambda rate: losses[rate])
    if math.isinf(losses[best]):
        raise StudyError(
            f"the training diverges with every learning rate from {RATES[0]} to {RATES[-1]}",
            "a loss that falls",
            "look for values in the data that are far from all others",
        )
    return best
