"""Train again on each form of the data that decisions lead to, from fresh seeds, and keep how good the models are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hydra_steps.audit.decisions import data_version, read_decisions
from hydra_steps.audit.forms import form_of
from hydra_steps.config.audits import FORMS
from hydra_steps.csv_files import read_csv
from hydra_steps.errors import StudyError
from hydra_steps.progress import Progress
from hydra_steps.stores import write_store

SCHEMA_VERSION = 1
MEASURES = ("test_accuracy", "test_loss", "validation_accuracy", "validation_loss")
DIMENSIONS = {name: ("training",) for name in ("form", "seed", "kept", *MEASURES)} | {
    "removed": ("training", "sample")
}


def prove_decisions(
    *,
    trajectory: str | Path,
    splits: str | Path,
    labels: str | Path,
    suspects: str | Path,
    decisions: Sequence[str | Path],
    seeds: int,
    output: str | Path,
) -> None:
    """Train anew on every form of the data (:mod:`hydra_steps.audit.forms`), with ``seeds`` fresh seeds each, the same
    for all forms, and write the store.

    ``suspects``: the table of suspects. Cost: 6 · seeds trainings. Raises :class:`StudyError`, before any training, for
    decisions that are not about these data, or that find no label wrong.
    """

    from hydra_steps.counterfactual.fresh import fresh_seed, keep_samples, train_anew
    from hydra_steps.process.compute import prepare_compute
    from hydra_steps.process.process import load_data
    from hydra_steps.process.running import evaluate
    from hydra_steps.trajectory.store import TrajectoryStore

    settings = TrajectoryStore.open(Path(trajectory)).settings
    prepare_compute(settings.compute)
    data = load_data(settings, splits, labels)
    given = data.train.targets
    decided = read_decisions(decisions, data_version(splits, labels), given.tolist(), data.classes)
    if not decided.wrong:
        raise StudyError(
            f"no label is decided to be wrong in {', '.join(map(str, decisions))}",
            "one decision or more to relabel or remove",
            "look at more suspects",
        )
    listed = read_csv(suspects).sort_values("rank")["sample"].astype(int).tolist()
    found: dict[str, list[float]] = {name: [] for name in DIMENSIONS if name != "removed"}
    removed = []
    plans = [(name, fresh_seed(settings.seed, number)) for number in range(seeds) for name in FORMS]
    for name, seed in Progress(plans, desc="training on what was decided", unit="training", mininterval=2):
        form = form_of(name, decided, listed, given, len(data.classes), seed)
        part = keep_samples(replace(data, train=replace(data.train, targets=form.label)), form.kept)
        process, state = train_anew(settings, part, seed)
        measured: dict[str, float] = {"form": FORMS.index(name), "seed": seed, "kept": len(form.kept)}
        for split in ("test", "validation"):
            own = getattr(data, split)
            loss, accuracy = evaluate(process, state, process.place(own.inputs), process.place(own.targets))
            measured |= {f"{split}_loss": loss, f"{split}_accuracy": accuracy}
        for key, value in measured.items():
            found[key].append(value)
        removed.append(np.isin(np.arange(len(given)), form.removed))
    arrays = {key: np.array(values, np.float64) for key, values in found.items()}
    about = {"schema_version": SCHEMA_VERSION, "forms": list(FORMS), "data_digest": data.digest}
    about |= {"wrong": len(decided.wrong), "disputed": list(decided.disputed)}
    write_store(output, arrays | {"removed": np.stack(removed).astype(np.uint8)}, DIMENSIONS, about)
