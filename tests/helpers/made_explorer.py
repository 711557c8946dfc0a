"""A study on disk as the explorer reads it: real images, splits and labels; contributions and answers made up.

A made-up contribution is the likeness of two images, positive where their labels agree, so that lists look like those
of a real score; the part of each epoch is a share of it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from hydra_steps.config import explored_runs, resolve_study, run_config, study_yaml
from hydra_steps.config.sections import Data
from hydra_steps.data import noise_labels, split_data
from hydra_steps.data.fetch import fetch_data
from hydra_steps.data.run_data import read_parts
from hydra_steps.data.tables import write_csv
from hydra_steps.explorer import write_explorer
from hydra_steps.explorer.samples import read_samples
from hydra_steps.scoring.store import write_scores
from tests.helpers.queries import queries_named

UNITS = {"hydra_exact": "query", "tracin": "query", "gradient_product": "query", "final_loss": "rank only"}
SPLIT_METHODS = ("hydra_exact", "tracin")


def make_study(folder: Path, queries: int = 12, epochs: int = 3, top: int = 6, **changes) -> dict[str, list]:
    """Write all that :func:`write_explorer` reads into ``folder``, and return its arguments."""
    asked = [{"kind": "mean_loss", "split": "validation"}, {"kind": "sample_loss", "count": queries}]
    study = {"study": "made", "seeds": [0], "explorer": {"top": top}, "queries": asked}
    study |= {"methods": {method: {} for method in UNITS}}
    study |= {"data": {"train": 300, "validation": 50, "test": 60, "folder": str(folder / "data")}}
    for key, value in changes.items():
        study[key] = {**study.get(key, {}), **value} if isinstance(value, dict) else value
    settings = resolve_study(study)
    (folder / "config.yaml").write_text(study_yaml(settings), encoding="utf-8")
    made: dict[str, list] = {name: [] for name in ("splits", "labels", "predictions", "scores")}
    for run in explored_runs(settings):
        config = run_config(settings, run)
        data, noise, home = config["data"], config["noise"], folder / "runs" / run
        fetch_data(data["name"], data["folder"])
        chosen = ("name", "folder", "train", "validation", "test", "seed", "validation_from")
        split_data(**{key: data[key] for key in chosen}, output=home / "splits.csv")
        options = {key: value for key, value in noise.items() if key not in ("kind", "seed")}
        labels = (noise["kind"], options, noise["seed"], home / "labels.csv")
        noise_labels(home / "splits.csv", data["name"], data["folder"], *labels)
        write_csv(made_answers(home, data), home / "predictions.csv")
        for name in ("splits", "labels", "predictions"):
            made[name].append(home / f"{name}.csv")
        made["scores"] += made_scores(home, data, settings["methods"], queries, epochs)
    return {"config": folder / "config.yaml", **made, "output": folder / "explorer.html"}


def made_answers(home: Path, data: dict) -> pd.DataFrame:
    """Predictions that are right for nine of ten samples, and losses that fit them."""
    splits, noisy = pd.read_csv(home / "splits.csv"), pd.read_csv(home / "labels.csv")["label"].to_numpy()
    parts = read_parts(data["name"], data["folder"])
    generator = np.random.default_rng(1)
    rows = []
    for split, part in splits.groupby("split", sort=False):
        clean = parts[part["source"].iloc[0]].targets[part["source_index"].to_numpy()]
        label = noisy if split == "train" else clean
        right = generator.random(len(part)) < 0.9
        predicted = np.where(right, label, (label + 3) % 10)
        probability = 0.5 + generator.random(len(part)) / 2
        loss = -np.log(np.where(right, probability, 0.5 * (1.001 - probability)))
        columns = {"split": split, "index": range(len(part)), "label": label, "predicted": predicted}
        rows.append(pd.DataFrame(columns | {"probability": probability.round(6), "loss": loss.round(6)}))
    return pd.concat(rows, ignore_index=True)


def made_scores(home: Path, data: dict, methods: dict, queries: int, epochs: int) -> list[Path]:
    """Write the scores of every method, and return their folders."""
    samples, _ = read_samples(
        Data.of(data), home / "splits.csv", home / "labels.csv", home / "predictions.csv"
    )
    train, test = (
        samples[split].shown.pictures.reshape(len(samples[split].shown.pictures), -1)
        for split in ("train", "test")
    )
    scaled = [
        images / np.linalg.norm(images.astype(np.float32), axis=1, keepdims=True) for images in (train, test)
    ]
    label = samples["train"].answers["label"].to_numpy()
    same = samples["test"].answers["label"].to_numpy()[:queries, None] == label
    likeness = (scaled[1][:queries] @ scaled[0].T).astype(np.float32)
    each = np.where(same, likeness, -0.2 * likeness) ** 3 / len(train)
    each = np.concatenate([each.mean(0, keepdims=True), each]).astype(np.float32)
    names = ["validation_mean", *(f"test_sample_{i}" for i in range(queries))]
    folders = []
    for number, method in enumerate(methods):
        generator = np.random.default_rng(number)
        values = each * (1 + 0.3 * generator.standard_normal(each.shape, dtype=np.float32))
        arrays = {}
        if method in SPLIT_METHODS and epochs:
            shares = generator.dirichlet(np.ones(epochs)).astype(np.float32)
            arrays["by_epoch"] = shares[:, None, None] * values
        unit = UNITS.get(method, "query")
        write_scores(
            home / "scores" / method, values, queries_named(names), {"method": method, "unit": unit}, arrays
        )
        folders.append(home / "scores" / method)
    return folders


def make_explorer(folder: Path, **shape) -> Path:
    """Write the page of a made study, and return its path."""
    arguments = make_study(folder, **shape)
    write_explorer(**arguments)
    return arguments["output"]
