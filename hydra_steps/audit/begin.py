"""Write the study of an audit of somebody's own data, a folder of pictures or a file of rows, texts or arrays.

    python -m hydra_steps.audit.begin reviews.csv        writes audit_reviews.yaml

What it has to know it reads off the data: which kind they are, which column has the labels and which the texts, whether
pictures have one size, how many samples there are. The learning rate is searched for (:mod:`hydra_steps.audit.rates`).
All of it stands in the file, to be looked at and changed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from hydra_steps.audit.rates import search_rate
from hydra_steps.config import resolve_study
from hydra_steps.data.own.frames import read_frame
from hydra_steps.errors import StudyError, reported

PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"}
ROWS = {".csv", ".parquet", ".jsonl"}
LABELS = ("label", "labels", "class", "target", "category", "y")
TEXTS = ("text", "body", "content", "sentence", "review")
WORDS = 4  # on average, above which a column holds texts
LOOKED_AT = 500  # pictures whose size is read, and cells of a column
STEPS = 2000  # of the training, about
BATCH = 32
SIDE = 32  # pixels that pictures of several sizes are brought to


def begin(data: Path, folder: Path) -> Path:
    """Write ``audit_<name>.yaml`` into ``folder`` and return its path; a file that is there is refused."""
    kind, section, samples = _described(data)
    path = folder / f"audit_{data.stem}.yaml"
    if path.exists():
        raise StudyError(f"{path} is there already", "a name that is free", "remove it, or go on with it")
    study = study_of(data.stem, kind, section, samples)
    study["training"]["optimizer"]["learning_rate"] = search_rate(resolve_study(study))
    text = f"# An audit of the labels of {data.name}: made by make audit DATA=…, to be changed as you like.\n"
    text += yaml.safe_dump(study, sort_keys=False, default_flow_style=None, width=110)
    path.write_text(text, encoding="utf-8")
    return path


def study_of(name: str, kind: str, section: dict[str, Any], samples: int) -> dict[str, Any]:
    """Return the study but for its learning rate: a small model, as many epochs as make ``STEPS`` steps, ten planted
    labels a copy or more."""
    large = kind == "images" and min(section.get("size", [SIDE])) >= 16
    epochs = min(max(round(STEPS * BATCH / max(0.7 * samples, 1)), 3), 40)
    studied = "".join(letter if letter.isalnum() else "_" for letter in name)
    return {
        "study": f"audit_{studied}",
        "seeds": [0],
        "data": section,
        "noise": {"kind": "unknown"},
        "model": {"name": "lenet5_tanh"} if large else {"name": "mlp", "hidden": [32]},
        "training": {
            "epochs": epochs,
            "batch_size": BATCH,
            "optimizer": {"name": "adam"},
        },
        "trajectory": {"keep": "sqrt"},
        "queries": [
            {"kind": "mean_loss", "split": "validation"},
            {"kind": "mean_loss", "split": "test"},
            {"kind": "sample_loss", "split": "test", "count": 4},
        ],
        "methods": {
            name: {}
            for name in (
                *("hydra_hessian_free", "final_loss", "area_under_margin", "forgetting"),
                "knn_disagreement",
            )
        },
        "counterfactual": {"groups": 2, "fraction": 0.02},
        "audit": {
            "copies": 4,
            # Look-alikes among rows and small pictures overlap with right ones so much that the estimate is an upper
            # limit only, and most samples would have to be looked at.
            "kinds": ["symmetric", "instance"] if large else ["symmetric"],
            "rate": round(min(max(0.03, 10 / (0.7 * samples)), 0.2), 3),
        },
        "explorer": {"top": 20, "by_epoch": False},
    }


def _described(data: Path) -> tuple[str, dict[str, Any], int]:
    """Return the kind of the data, the study's section ``data``, and the number of samples."""
    if data.is_dir():
        return _pictures(data)
    where = {"folder": str(data.parent), "file": data.name}
    if data.suffix in ROWS and data.is_file():
        rows = read_frame(data)
        label = _named(rows, LABELS) or str(rows.columns[-1])
        text = _text_column(rows.drop(columns=label))
        if text is None:
            return "table", {"name": "table", **where, "label": label, "missing": "mean"}, len(rows)
        return "texts", {"name": "texts", **where, "text": text, "label": label}, len(rows)
    if data.suffix == ".npz" and data.is_file():
        return _arrays(data, where)
    raise StudyError(
        f"{data} is neither a folder nor a file that can be read",
        "a folder of pictures with a folder for each class, or a file .csv, .parquet, .jsonl or .npz",
        "see docs/own_data.md for what else a study can read",
    )


def _pictures(folder: Path) -> tuple[str, dict[str, Any], int]:
    from PIL import Image

    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
    if not files:
        raise StudyError(
            f"{folder} holds no pictures", "a folder for each class, with pictures", "name such a folder"
        )
    sizes = set()
    for path in files[:: max(1, len(files) // LOOKED_AT)]:
        try:
            with Image.open(path) as image:
                sizes.add(image.size)
        except OSError as error:
            raise StudyError(
                f"the picture {path} cannot be read: {error}", fix="replace or remove it"
            ) from error
    section: dict[str, Any] = {"name": "images", "folder": str(folder)}
    width, height = next(iter(sizes))
    if len(sizes) > 1 or max(width, height) > 2 * SIDE:
        section |= {"size": [SIDE, SIDE], "fit": "pad" if len(sizes) > 1 else "stretch"}
    elif min(width, height) < 16:
        section["size"] = [height, width]
    return "images", section, len(files)


def _arrays(data: Path, where: dict[str, str]) -> tuple[str, dict[str, Any], int]:
    import numpy as np

    with np.load(data) as found:
        shapes = {name: found[name].shape for name in found.files}
    flat = [name for name, shape in shapes.items() if len(shape) == 1]
    inputs = [name for name, shape in shapes.items() if len(shape) > 1]
    if len(flat) != 1 or len(inputs) != 1:
        raise StudyError(
            f"{data} holds {', '.join(f'{name} {shape}' for name, shape in shapes.items())}",
            "one array of inputs [n, …] and one of labels [n]",
            "write the study by hand: docs/own_data.md says how",
        )
    section = {"name": "arrays", **where, "inputs": inputs[0], "labels": flat[0]}
    return "arrays", section, int(shapes[flat[0]][0])


def _named(rows: pd.DataFrame, names: Sequence[str]) -> str | None:
    """The first column with one of the names, in small or large letters."""
    by_name = {str(column).lower(): str(column) for column in rows.columns}
    return next((by_name[name] for name in names if name in by_name), None)


def _text_column(rows: pd.DataFrame) -> str | None:
    """The column that holds texts: one with a usual name, or whose cells have several words."""
    named = _named(rows, TEXTS)
    words = {str(column): _words(rows[column].head(LOOKED_AT)) for column in rows.columns}
    longest = max(words, key=lambda column: words[column], default=None)
    if named is not None and words[named] > 1:
        return named
    return longest if longest is not None and words[longest] > WORDS else None


def _words(cells: pd.Series) -> float:
    """The mean number of words of cells."""
    return sum(len(str(cell).split()) for cell in cells) / max(len(cells), 1)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m hydra_steps.audit.begin", description=__doc__)
    parser.add_argument(
        "data", help="a folder of pictures by class, or a file .csv, .parquet, .jsonl or .npz"
    )
    asked = parser.parse_args()
    with reported():
        print(begin(Path(asked.data).expanduser(), Path.cwd()))


if __name__ == "__main__":
    main()
