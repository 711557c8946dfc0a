"""Train again on each form of the data that decisions lead to, from fresh seeds, and keep how good the models are.

Models are measured on the held-out samples as decided, where decisions are about these, too; beside that on the labels
as they came, which the contributions were about. Every finished training is kept in a bank
(:mod:`hydra_steps.counterfactual.bank`), so that a killed job continues.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hydra_steps.audit.decisions import Decided, data_version, read_decisions
from hydra_steps.audit.forms import Form, form_of
from hydra_steps.config.audits import FORMS
from hydra_steps.config.sections import RunSettings
from hydra_steps.csv_files import read_csv
from hydra_steps.data.tables import SPLITS
from hydra_steps.errors import StudyError
from hydra_steps.progress import Progress
from hydra_steps.stores import write_store

if TYPE_CHECKING:
    from hydra_steps.data.run_data import RunData, Split

SCHEMA_VERSION = 2
HELD_OUT = ("test", "validation")
AS_CAME = "as_came"  # measured on the held-out labels as they came
MEASURES = (
    *("test_accuracy", "test_loss", "validation_accuracy", "validation_loss"),
    *(f"{split}_{what}_{AS_CAME}" for split in HELD_OUT for what in ("accuracy", "loss")),
)
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
    bank: str | Path | None = None,
) -> None:
    """Train anew on every form of the data (:mod:`hydra_steps.audit.forms`), with ``seeds`` fresh seeds each, the same
    for all forms, and write the store.

    ``suspects``: the table of suspects; ``bank`` is by default ``.bank`` beside ``output``. Cost: 6 · seeds trainings,
    less those in the bank. Raises :class:`StudyError`, before any training, for decisions that are not about these
    data, or that find no label wrong.
    """

    from hydra_steps.counterfactual.bank import Bank, circumstances
    from hydra_steps.counterfactual.fresh import fresh_seed
    from hydra_steps.process.building import build_process, load_data
    from hydra_steps.process.compute import prepare_compute
    from hydra_steps.trajectory.store import TrajectoryStore

    settings = TrajectoryStore.open(Path(trajectory)).settings
    prepare_compute(settings.compute)
    data = load_data(settings, splits, labels)
    given = data.train.targets
    by_split = {split: getattr(data, split).targets.tolist() for split in SPLITS}
    decided = read_decisions(decisions, data_version(splits, labels), by_split, data.classes)
    if not any(one.wrong for one in decided.values()):
        raise StudyError(
            f"no label is decided to be wrong in {', '.join(map(str, decisions))}",
            "one decision or more to relabel or remove",
            "look at more suspects",
        )
    held_out = {split: as_decided(getattr(data, split), decided[split], split) for split in HELD_OUT}
    listed = read_csv(suspects).sort_values("rank")["sample"].astype(int).tolist()
    identity: dict[str, Any] = {"settings": settings.of_training(), "data": data.digest}
    changed = [(sorted(decided[split].relabel.items()), decided[split].removed) for split in HELD_OUT]
    identity |= {"held_out": changed}
    identity |= circumstances(__name__, build_process(settings, data))
    kept = Bank(bank or Path(output).parent / ".bank", identity)
    found: dict[str, list[float]] = {name: [] for name in DIMENSIONS if name != "removed"}
    removed = []
    plans = [(name, fresh_seed(settings.seed, number)) for number in range(seeds) for name in FORMS]
    for name, seed in Progress(plans, desc="training on what was decided", unit="training", mininterval=2):
        form = form_of(name, decided["train"], listed, given, len(data.classes), seed)
        other = np.flatnonzero(form.label != given)
        change = [seed, form.removed.tolist(), other.tolist(), form.label[other].tolist()]
        measured = kept.get(change, partial(_train, settings, data, held_out, form, seed))
        about = {"form": FORMS.index(name), "seed": seed, "kept": len(form.kept)}
        for key, value in (about | measured).items():
            found[key].append(value)
        removed.append(np.isin(np.arange(len(given)), form.removed))
    arrays = {key: np.array(values, np.float64) for key, values in found.items()}
    told: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "forms": list(FORMS)}
    told |= {"data_digest": data.digest, "wrong": {split: len(one.wrong) for split, one in decided.items()}}
    told |= {"disputed": {split: list(one.disputed) for split, one in decided.items()}}
    write_store(output, arrays | {"removed": np.stack(removed).astype(np.uint8)}, DIMENSIONS, told)


def as_decided(part: Split, decided: Decided, split: str) -> Split:
    """Return held-out samples with the labels that were decided, without those that are to be removed."""
    label = part.targets.copy()
    label[list(decided.relabel)] = list(decided.relabel.values())
    kept = np.setdiff1d(np.arange(len(part)), np.asarray(decided.removed, np.int64))
    if not len(kept):
        raise StudyError(
            f"all {len(part)} {split} samples are decided to be removed", "one left", "keep some"
        )
    return replace(part, inputs=part.inputs[kept], targets=label[kept], source_index=part.source_index[kept])


def _train(
    settings: RunSettings, data: RunData, held_out: dict[str, Split], form: Form, seed: int
) -> dict[str, float]:
    """Accuracy and loss of a training, on the held-out samples as decided and as they came."""
    from hydra_steps.counterfactual.fresh import keep_samples, train_anew
    from hydra_steps.process.running import evaluate

    part = keep_samples(replace(data, train=replace(data.train, targets=form.label)), form.kept)
    process, state = train_anew(settings, part, seed)
    measured: dict[str, float] = {}
    for split in HELD_OUT:
        for own, ending in ((held_out[split], ""), (getattr(data, split), f"_{AS_CAME}")):
            loss, accuracy = evaluate(process, state, process.place(own.inputs), process.place(own.targets))
            measured |= {f"{split}_loss{ending}": loss, f"{split}_accuracy{ending}": accuracy}
    return measured
