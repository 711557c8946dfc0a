"""The samples that were read, as arrays in a folder of their own: written once, looked into by every job.

Of each part (train, validation, test) the inputs and the targets are ``.npy`` files, which jobs map into memory; names,
texts and groups are JSON.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hydra_steps.data.raw import Part
from hydra_steps.data.samples import Samples
from hydra_steps.errors import StudyError

PARTS = ("train", "validation", "test")
CHUNK_BYTES = 64 * 2**20


def members(parts: Sequence[str] | None, count: int) -> dict[str, np.ndarray]:
    """Return the positions of each part's samples among ``count`` that were read; None: all are for training.

    >>> {part: at.tolist() for part, at in members(["test", "train", "train"], 3).items()}
    {'train': [1, 2], 'test': [0]}
    """
    if parts is None:
        return {"train": np.arange(count)}
    given = np.asarray(parts)
    found = {part: np.flatnonzero(given == part) for part in PARTS}
    return {part: at for part, at in found.items() if len(at)}


def write_samples(
    home: Path, store: str, samples: Samples, targets: np.ndarray, positions_of: dict[str, np.ndarray]
) -> None:
    """Write the samples into the folder ``store`` of ``home``: whole, or not at all.

    ``positions_of``: those of each part's samples. Memory: some megabytes, whatever the size of the data.
    """
    home.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".reading-", dir=home))
    try:
        for part, positions in positions_of.items():
            _write_rows(made / f"{part}-inputs.npy", samples.inputs, positions)
            np.save(made / f"{part}-targets.npy", targets[positions])
            about = {
                "names": [samples.names[at] for at in positions],
                "shown": None if samples.shown is None else [samples.shown[at] for at in positions],
                "groups": None if samples.groups is None else [samples.groups[at] for at in positions],
            }
            (made / f"{part}.json").write_text(json.dumps(about, ensure_ascii=False), encoding="utf-8")
        for name, text in samples.kept.items():
            (made / name).write_text(text, encoding="utf-8")
        os.chmod(made, 0o755)
        if (home / store).exists():
            shutil.rmtree(home / store)
        os.rename(made, home / store)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def remove_others(home: Path, store: str) -> None:
    """Remove what was read before, now that the manifest names ``store``."""
    for folder in home.iterdir():
        if folder.is_dir() and folder.name != store:
            shutil.rmtree(folder, ignore_errors=True)


def read_samples(home: Path, store: str, parts: Sequence[str]) -> dict[str, Part]:
    """Return the parts that were written, their inputs mapped into memory."""
    found = {}
    for part in parts:
        try:
            about: dict[str, Any] = json.loads((home / store / f"{part}.json").read_text(encoding="utf-8"))
            inputs = np.load(home / store / f"{part}-inputs.npy", mmap_mode="r", allow_pickle=False)
            targets = np.load(home / store / f"{part}-targets.npy", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise StudyError(
                f"what was read of the data, in {home / store}, is damaged: {error}",
                "the arrays as they were written",
                f"remove {home} and run again",
            ) from error
        found[part] = Part(inputs, targets, **about)
    return found


def _write_rows(path: Path, inputs: np.ndarray, positions: np.ndarray) -> None:
    rows = max(1, CHUNK_BYTES // max(1, inputs[:1].nbytes))
    out = np.lib.format.open_memmap(path, "w+", inputs.dtype, (len(positions), *inputs.shape[1:]))
    for start in range(0, len(positions), rows):
        out[start : start + rows] = inputs[positions[start : start + rows]]
    out.flush()
