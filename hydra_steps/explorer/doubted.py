"""Held-out samples that people decide about on the page: an audit's list of those whose label the model contradicts.

They stand beside the list of training suspects, without a chance, as nothing is planted among them. Each has its own
picture or text, and the nearest training samples of both labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hydra_steps.csv_files import read_csv
from hydra_steps.explorer.blocks import Blocks
from hydra_steps.explorer.decide import nearest_samples
from hydra_steps.explorer.samples import Samples
from hydra_steps.explorer.sprites import sprites


def read_doubted(path: str | Path, classes: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows of ``audit_held_out.csv`` (:mod:`hydra_steps.audit.held_out`), labels as numbers."""
    table = read_csv(path, dtype={"label": str, "predicted": str, "name": str}).fillna({"name": ""})
    places = {name: place for place, name in enumerate(classes)}
    return [
        {
            "split": str(row["split"]),
            "sample": int(row["sample"]),
            "name": str(row["name"]),
            "source": int(row["source_index"]),
            "label": places[row["label"]],
            "suggested": places[row["predicted"]],
            "probability": float(row["probability"]),
        }
        for row in table.to_dict("records")
    ]


def add_doubted(
    name: str,
    doubted: Sequence[dict[str, Any]],
    samples: Mapping[str, Samples],
    letters: int,
    budget: int,
    blocks: Blocks,
) -> tuple[list[dict[str, Any]], np.ndarray]:
    """Keep their pictures, up to ``budget`` bytes, and their neighbours on the page, names led by the run's.

    Return what the page says of each, its text (``letters`` at most) included, and the neighbours
    [k, s, NEAREST] uint32 among the training samples. ``pictured`` says which of them have a picture.
    """
    if not doubted:
        return [], np.zeros((0, 2, 0), np.uint32)
    shown = [samples[one["split"]].shown for one in doubted]
    places = [one["sample"] for one in doubted]
    compared = np.stack([samples[one["split"]].compared[one["sample"]] for one in doubted])
    wanted = np.array([[one["label"], one["suggested"]] for one in doubted], np.uint32)
    near = nearest_samples(samples["train"], compared, wanted)
    blocks.add(f"{name}/doubted_near", near, "u4")
    pictured = 0
    if shown[0].pictures.size:
        images = np.stack([look.pictures[at] for look, at in zip(shown, places, strict=True)])
        files, pictured = sprites(images, budget)
        for number, file in enumerate(files):
            blocks.add_bytes(f"{name}/doubted/{number}", file)
    texts = [
        "" if look.texts is None else look.texts[at][:letters] for look, at in zip(shown, places, strict=True)
    ]
    facts = [
        one | {"text": text, "pictured": place < pictured}
        for place, (one, text) in enumerate(zip(doubted, texts, strict=True))
    ]
    return facts, near
