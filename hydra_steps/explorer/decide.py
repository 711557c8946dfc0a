"""The suspects that people decide about on the page: their order, what is suggested, and samples to compare them with.

Where the study has an audit, its table of suspects is the list. Else it is the samples that the first method ranks
lowest, without a chance, with the model's answer for a suggestion where it is another label.
Index letters: k suspects, n training samples, s sides (0 the given label, 1 the suggested one).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hydra_steps.csv_files import read_csv
from hydra_steps.explorer.blocks import Blocks
from hydra_steps.explorer.lists import HARMED, NONE, extreme_samples
from hydra_steps.explorer.samples import Samples

FIRST = (
    500  # suspects with samples to compare them with; whoever has decided about so many writes the page again
)
NEAREST = 4  # samples of each label beside a suspect


@dataclass(frozen=True)
class Suspects:
    """``sample`` [k], ``suggested`` labels [k] (``NONE``: none), ``chance`` of being wrong and ``likely``, that of the
    suggestion if it is (NaN: not known) [k]."""

    sample: np.ndarray
    suggested: np.ndarray
    chance: np.ndarray
    likely: np.ndarray


def audited_suspects(path: str | Path, classes: Sequence[str]) -> Suspects:
    """Return an audit's table of suspects."""
    table = read_csv(path, dtype={"label": str, "suggested": str}).sort_values("rank")
    places = {name: place for place, name in enumerate(classes)}
    suggested = [places[name] for name in table["suggested"]]
    return Suspects(
        table["sample"].to_numpy(np.uint32),
        np.array(suggested, np.uint32),
        table["chance_wrong"].to_numpy(np.float32),
        table["suggestion_probability"].to_numpy(np.float32),
    )


def ranked_suspects(contribution: np.ndarray, train: Samples) -> Suspects:
    """Return the half of the samples with the lower contribution [n], the lowest first."""
    lowest = extreme_samples(contribution[None], len(contribution), signed=False)[0][0, HARMED]
    lowest = lowest[lowest != NONE]
    rows = train.answers.iloc[lowest.astype(np.int64)]
    label, predicted = rows["label"].to_numpy(np.uint32), rows["predicted"].to_numpy(np.uint32)
    nothing = np.full(len(lowest), np.nan, np.float32)
    return Suspects(lowest, np.where(predicted == label, NONE, predicted), nothing, nothing)


def compared_with(suspects: Suspects, train: Samples) -> np.ndarray:
    """Return the nearest samples [m, s, NEAREST] uint32 of the given and of the suggested label, by what the
    model is given, for the first m = ``FIRST`` suspects.

    Empty places hold ``NONE``. Cost: m · n distances.
    """
    first = suspects.sample[:FIRST].astype(np.int64)
    given = train.answers["label"].to_numpy(np.uint32)[first]
    wanted = np.stack([given, suspects.suggested[: len(first)]], axis=1)
    return nearest_samples(train, train.compared[first], wanted, first)


def nearest_samples(
    train: Samples, compared: np.ndarray, wanted: np.ndarray, itself: np.ndarray | None = None
) -> np.ndarray:
    """Return the training samples [m, s, NEAREST] uint32 of the labels ``wanted`` [m, s] that are nearest to what is
    ``compared`` [m, ...], without the training sample that each is ``itself`` [m]."""
    flat = train.compared.reshape(len(train.compared), -1).astype(np.float32)
    size = (flat**2).sum(axis=1)
    label = train.answers["label"].to_numpy(np.uint32)
    points = compared.reshape(len(compared), -1).astype(np.float32)
    found = np.full((*wanted.shape, NEAREST), NONE, np.uint32)
    for row, point in enumerate(points):
        distance = size - 2 * flat @ point
        for side, of_side in enumerate(wanted[row]):
            own = np.flatnonzero(label == of_side)
            if itself is not None:
                own = own[own != itself[row]]
            nearest = own[np.argsort(distance[own], kind="stable")[:NEAREST]]
            found[row, side, : len(nearest)] = nearest
    return found


def add_suspects(name: str, suspects: Suspects, near: np.ndarray, blocks: Blocks) -> None:
    """Keep them on the page, their names led by the run's."""
    blocks.add(f"{name}/suspect", suspects.sample, "u4")
    blocks.add(f"{name}/suggested", suspects.suggested, "u4")
    blocks.add(f"{name}/chance", suspects.chance, "f4")
    blocks.add(f"{name}/likely", suspects.likely, "f4")
    blocks.add(f"{name}/near", near, "u4")
