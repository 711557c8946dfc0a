"""Removal curves: throw away what a score points at, train again, and see how good the model is.

For a method's contributions c, ``most_harmful`` removes the lowest c first and ``most_helpful`` the
highest; removing 80 % of the most harmful is keeping the top 20 %. Two controls have no score:
``random_order`` (a new order for each fresh seed) and ``oracle`` (the truly mislabelled first, or last, in
random order within). Fraction 0 removes nothing.

Fresh seeds are the same for all methods and fractions, so curves differ by what is removed. Finished
trainings are kept in a bank (:mod:`hydra_steps.counterfactual.bank`), so that a killed job continues.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from hydra_steps.config.controls import CONTROLS, RANDOM_ORDER, SIDES
from hydra_steps.config.sections import RunSettings
from hydra_steps.config.targets import metric_of
from hydra_steps.counterfactual.bank import Bank, circumstances
from hydra_steps.counterfactual.designs import rank_samples
from hydra_steps.counterfactual.fresh import fresh_seed, keep_samples, train_anew
from hydra_steps.counterfactual.retraining import read_contribution
from hydra_steps.data import RunData
from hydra_steps.data.seeding import generator_of
from hydra_steps.errors import StudyError
from hydra_steps.process.building import build_process, load_data
from hydra_steps.process.compute import prepare_compute
from hydra_steps.process.running import evaluate
from hydra_steps.progress import Progress
from hydra_steps.stores import write_store
from hydra_steps.trajectory.store import TrajectoryStore

SCHEMA_VERSION = 2
MEASURES = (
    "test_metric",
    "test_loss",
    "validation_metric",
    "validation_loss",
    "noise_left",
    "classes_left",
)
DIMENSIONS = {name: ("training",) for name in ("side", "fraction", "seed", "kept", *MEASURES)}


def retrain_subsets(
    *,
    trajectory: str | Path,
    splits: str | Path,
    labels: str | Path,
    label: str,
    query: str,
    fractions: Sequence[float],
    sides: Sequence[str],
    seeds: int,
    empty_class: str = "refuse",
    output: str | Path,
    scores: str | Path | None = None,
    bank: str | Path | None = None,
) -> None:
    """Train anew without shares of the samples, selected by one method or control, and store how good the
    models are.

    ``label`` is a control or the label of the method whose score folder is ``scores``; ``query`` the query
    that its contributions are to; ``seeds`` the number of fresh seeds. ``bank`` is by default ``.bank`` beside
    ``output``. Cost: seeds · (sides · fractions + 1) trainings on parts of the data. A method with contributions that
    are not finite orders nothing: its store has no trainings. Raises :class:`StudyError`, before any training, for a
    fraction that removes every sample, or every sample of a class unless ``empty_class`` is ``train``.
    """
    settings = TrajectoryStore.open(Path(trajectory)).settings
    prepare_compute(settings.compute)
    data = load_data(settings, splits, labels)
    contribution = None if label in CONTROLS else read_contribution(scores or "", {"query": query})
    shares = sorted({0.0, *fractions})
    process = build_process(settings, data)
    identity = {"settings": settings.of_training(), "data": data.digest} | circumstances(__name__, process)
    kept = Bank(bank or Path(output).parent / ".bank", identity)
    ordered = contribution is None or bool(np.isfinite(contribution).all())
    plans = []
    for side in sides:
        for share in shares if ordered else []:
            for seed in (fresh_seed(settings.seed, number) for number in range(seeds)):
                order = removal_order(label, side, data, contribution, seed)
                stays = np.sort(order[round(share * len(order)) :])
                check_kept(f"{label} ({side})", share, data, stays, empty_class == "train")
                plans.append((side, share, seed, stays))
    rows: list[dict[str, float]] = []
    for side, share, seed, stays in Progress(
        plans, desc=f"training without {label}", unit="training", mininterval=2
    ):
        entry = kept.get([seed, stays.tolist()], partial(_train, settings, data, stays, seed))
        rows.append({"side": SIDES.index(side), "fraction": share, "seed": seed, "kept": len(stays)} | entry)
    arrays = {name: np.array([row[name] for row in rows], np.float64) for name in DIMENSIONS}
    about = {"schema_version": SCHEMA_VERSION, "label": label, "query": query, "sides": list(SIDES)}
    about |= {"data_digest": data.digest, "metric": metric_of(settings.training.loss.name).name}
    write_store(
        output,
        arrays,
        DIMENSIONS,
        about,
    )


def check_kept(
    what: str, fraction: float, data: RunData, stays: np.ndarray, fewer_classes: bool = False
) -> None:
    """Refuse a removal that leaves no sample, or none of a class unless there may be ``fewer_classes``.

    ``stays`` [m] are the samples left.
    """
    labels, names = data.train.targets, data.classes
    if not names:
        labels, names = np.zeros(len(labels), np.int64), ("all",)
    before = np.bincount(labels, minlength=len(names))
    emptied = np.flatnonzero((before > 0) & (np.bincount(labels[stays], minlength=len(names)) == 0))
    if len(emptied) and not (fewer_classes and len(stays)):
        label, samples = int(emptied[0]), len(labels)
        raise StudyError(
            f"removing {samples - len(stays)} of {samples} training samples ({fraction:g}) by {what} takes all "
            + (f"{before[label]} of class {names[label]!r}" if len(stays) else f"{samples} of them"),
            "at least one sample left of every class",
            "lower removal.fractions, leave the method out of removal.methods, or set removal.empty_class to train",
        )


def removal_order(
    label: str, side: str, data: RunData, contribution: np.ndarray | None, seed: int
) -> np.ndarray:
    """All training samples [n] in the order in which they are removed."""
    samples = len(data.train)
    if label not in CONTROLS:
        return rank_samples(label, side, samples, contribution)
    shuffled = generator_of(seed, label, 0.0, 0).permutation(samples)
    if label == RANDOM_ORDER:
        return shuffled
    if data.is_noisy is None:
        raise StudyError(
            f"{label} needs the wrong labels, and which are wrong is not known",
            "labels whose clean ones are known",
            f"remove {label} from removal.controls",
        )
    first = data.is_noisy[shuffled] == (side == "most_harmful")
    return np.concatenate([shuffled[first], shuffled[~first]])


def _train(settings: RunSettings, data: RunData, stays: np.ndarray, seed: int) -> dict[str, Any]:
    part = keep_samples(data, stays)
    process, state = train_anew(settings, part, seed)
    left = np.nan if part.is_noisy is None else float(part.is_noisy.mean())
    measured: dict[str, Any] = {"noise_left": left}
    measured["classes_left"] = len(np.unique(part.train.targets)) if part.classes else np.nan
    for name, split in (("test", data.test), ("validation", data.validation)):
        loss, metric = evaluate(process, state, process.place(split.inputs), process.place(split.targets))
        measured |= {f"{name}_loss": loss, f"{name}_metric": metric}
    return measured
