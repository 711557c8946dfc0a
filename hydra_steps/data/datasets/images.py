"""``images``: pictures in a folder for each class, or named in a table, without a line of code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import numpy as np

from hydra_steps.data.own import frames
from hydra_steps.data.own.labels import listed
from hydra_steps.data.own.pictures import DEEP, WHITE_16, Colour, Fit, is_coloured, look, read_picture
from hydra_steps.data.own.store import PARTS
from hydra_steps.data.samples import Samples
from hydra_steps.errors import StudyError
from hydra_steps.registry.decorators import dataset

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")


@dataset("images", title="pictures in files")
def images(
    folder: Path,
    *,
    file: str = "",
    path: str = "path",
    label: str = "label",
    split: str = "",
    group: str = "",
    encoding: str = "utf-8",
    size: Annotated[Sequence[Annotated[int, "1 <= x <= 4096"]] | None, {"minItems": 2, "maxItems": 2}] = None,
    fit: Literal["refuse", "stretch", "crop", "pad"] = "refuse",
    colour: Literal["auto", "grey", "rgb", "rgba"] = "auto",
    background: Annotated[int, "0 <= x <= 255"] = 255,
) -> Samples:
    """Your own pictures: PNG, JPEG and what else Pillow reads, 8 or 16 bit; in `data.folder`, a folder for each class,
    and folders train, validation and test around those where they are split already.

    Options:
        file: A CSV with a row for each picture, in place of the folders by class.
        path: Its column of paths, relative to `data.folder`.
        label: Its column of classes.
        split: Its column that says train, validation or test.
        group: Its column of groups; pictures of one group come into the same split.
        encoding: How its text is written.
        size: Height and width that all pictures are brought to. null takes the size that they all have.
        fit: How a picture of another size is brought to it: `stretch` changes its shape, `crop` cuts what is beside the
            middle, `pad` fills what is missing with the background.
        colour: Channels. `auto` is grey where all pictures are, and colours else.
        background: What transparent parts show, 0 black to 255 white.
    """
    paths, labels, parts, groups = find_pictures(folder, file, path, label, split, group, encoding)
    names = [one.relative_to(folder).as_posix() if one.is_relative_to(folder) else str(one) for one in paths]
    looks = [look(one) for one in paths]
    modes = {mode for mode, _ in looks}
    channels: Colour = ("rgb" if any(map(is_coloured, modes)) else "grey") if colour == "auto" else colour
    deep = channels == "grey" and any(mode in DEEP for mode in modes)
    height, width = _size(size, fit, [shape for _, shape in looks], names)
    count = {"grey": 1, "rgb": 3, "rgba": 4}[channels]
    found = np.empty((len(paths), count, height, width), np.uint16 if deep else np.uint8)
    way: Fit = fit
    for at, one in enumerate(paths):
        found[at] = read_picture(one, channels, (height, width), way, background, deep)
    return Samples(
        inputs=found,
        labels=labels,
        names=names,
        parts=parts,
        groups=groups,
        kind="image",
        white=float(WHITE_16 if deep else 255),
    )


def find_pictures(
    folder: Path, file: str, path: str, label: str, split: str, group: str, encoding: str
) -> tuple[list[Path], list[str], list[str] | None, list[str] | None]:
    """Return paths, classes, parts and groups in the order of reading, from the table or from the folders."""
    if not file:
        for key, value in (("split", split), ("group", group)):
            if value:
                raise StudyError(
                    f"data.{key} is {value!r}, and there is no table", "", "name a table in data.file"
                )
        paths, labels, parts = _by_class(folder)
        return paths, labels, parts, None
    rows = frames.read_frame(folder / Path(file).expanduser(), encoding=encoding)
    written = frames.column(rows, path, "data.path")
    paths = [folder / Path(one).expanduser() for one in written]
    absent = [one for one, there in zip(written, paths, strict=True) if not there.is_file()]
    if absent:
        raise StudyError(
            f"{file} names {len(absent):,} pictures that are not there, such as {absent[0]!r}",
            f"paths relative to {folder}",
            "correct the paths, or data.folder",
        )
    parts = frames.parts_of(frames.optional(rows, split, "data.split"), None, written)
    return paths, frames.column(rows, label, "data.label"), parts, frames.optional(rows, group, "data.group")


def _by_class(folder: Path) -> tuple[list[Path], list[str], list[str] | None]:
    """Return the pictures below each class's folder; those of folders train, test, … by part."""
    inside = _folders(folder)
    split = {"train"} <= {one.name for one in inside} <= set(PARTS)
    found: list[tuple[Path, str, str]] = []
    for part in inside if split else [folder]:
        for home in _folders(part):
            pictures = [one for one in sorted(home.rglob("*")) if _is_picture(one, home)]
            if not pictures:
                raise StudyError(
                    f"the folder {home} has no pictures",
                    f"files that end with {listed(SUFFIXES)}",
                    "remove the folder",
                )
            found += [(one, home.name, part.name) for one in pictures]
    if not found:
        raise StudyError(
            f"{folder} has no folders with pictures",
            "a folder for each class, or a table of paths and classes",
            "correct data.folder, or name the table in data.file",
        )
    paths, labels, parts = (list(column) for column in zip(*found, strict=True))
    return paths, labels, parts if split else None


def _folders(folder: Path) -> list[Path]:
    return sorted(one for one in folder.iterdir() if one.is_dir() and not one.name.startswith("."))


def _is_picture(path: Path, home: Path) -> bool:
    hidden = any(name.startswith(".") for name in path.relative_to(home).parts)
    return path.suffix.lower() in SUFFIXES and path.is_file() and not hidden


def _size(
    size: Sequence[int] | None, fit: str, shapes: Sequence[tuple[int, int]], names: Sequence[str]
) -> tuple[int, int]:
    """Return height and width; :class:`StudyError`, with two pictures, where they differ and nothing is said of it."""
    wanted = tuple(size) if size is not None else shapes[0]
    other = next((at for at, shape in enumerate(shapes) if shape != wanted), None)
    if other is not None and (fit == "refuse" or size is None):
        first = f"data.size is {list(wanted)}" if size is not None else f"{names[0]} has {list(wanted)}"
        raise StudyError(
            f"{names[other]} has [height, width] {list(shapes[other])}, and {first}",
            "pictures of one size, or a way to bring them to it",
            "set data.size: [height, width] and data.fit to stretch, crop or pad",
        )
    height, width = wanted
    return height, width
