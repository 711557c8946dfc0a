"""What a job gets from an output of a study: its data, once everything that vouches for them has been asked."""

from __future__ import annotations

import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hydra_steps.counterfactual.flips import find_flips
from hydra_steps.counterfactual.retraining import retrain_without
from hydra_steps.counterfactual.subsets import retrain_subsets
from hydra_steps.provenance.fits import check_whole
from hydra_steps.provenance.record import read_record
from hydra_steps.scoring.score_samples import training_seconds
from hydra_steps.stores import read_attributes, read_extra, read_store
from hydra_steps.trajectory.store import TrajectoryStore

BANK = ".bank"
SECONDS: dict[str, float] = {}  # of each trajectory, as it was first read
INPUTS = {"trajectory": "trajectory", "splits": "splits.csv", "labels": "labels.csv"}


def data_of(output: Path) -> Any:
    """Return all that a reader of an output sees, for comparison."""
    content = check_whole(output)
    if output.is_file():
        return content, output.read_bytes()
    if output.name == "trajectory":
        return content, _of_trajectory(output)
    return content, [_of_store(one.parent) for one in sorted(output.rglob("manifest.json"))]


def made_from_bank(output: Path) -> Any:
    """Return what the step that made ``output`` makes now, from the trainings that it keeps beside it."""
    record = read_record(output)
    assert record is not None
    run = next(parent for parent in output.parents if parent.parent.name == "runs")
    given = {name: run / file for name, file in INPUTS.items()}
    settings = record.settings
    found = [run.parents[1] / key for key in record.inputs if "/scores/" in key]
    bank = next(folder for folder in (output.parent / BANK, output.parents[1] / BANK) if folder.is_dir())
    with TemporaryDirectory() as folder:
        out: dict[str, Any] = {**given, "output": Path(folder, "out"), "bank": bank}
        out["scores"] = found[0] if found else None
        match record.step:
            case "retrain_without":
                groups, name = settings.pop("groups"), output.parent.name
                retrain_without(**out, **groups, **settings, name=name)
            case "retrain_subsets":
                retrain_subsets(**out, **settings, label=output.name)
            case "find_flips":
                find_flips(**out, **settings, label=output.name)
        return _of_store(out["output"])


def _of_trajectory(folder: Path) -> Any:
    store = TrajectoryStore.open(folder)
    store.verify()
    states = store.states(0, store.steps)
    arrays = [*states, store.batches, store.learning_rates, store.losses, store.gradient_norms]
    arrays += list(store.epochs.values())
    seconds = training_seconds(folder)
    if math.isnan(seconds):  # a reading of the clock may be missing, and then is so in all that is made of it
        seconds = SECONDS.get(store.digest, math.nan)
    SECONDS[store.digest] = seconds
    return store.attributes, list(store.epochs), [one.tobytes() for one in arrays], seconds


def _of_store(folder: Path) -> Any:
    attributes = read_attributes(folder)
    arrays, _ = read_store(folder, attributes["arrays"], attributes["schema_version"])
    extras = {name: read_extra(folder, name) for name in attributes.get("extras", {})}
    every = {**arrays, **extras}
    return attributes, {name: None if one is None else one.tobytes() for name, one in every.items()}
