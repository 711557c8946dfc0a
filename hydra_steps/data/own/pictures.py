"""One picture file as an array of a given size: any mode that Pillow reads, 8 or 16 bit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from hydra_steps.errors import StudyError

Fit = Literal["refuse", "stretch", "crop", "pad"]
Colour = Literal["grey", "rgb", "rgba"]
MODES: dict[str, str] = {"grey": "L", "rgb": "RGB", "rgba": "RGBA"}
DEEP = ("I;16", "I;16B", "I;16L", "I")  # modes of 16 bit; Pillow has grey ones alone
WHITE_16 = 65535


def look(path: Path) -> tuple[str, tuple[int, int]]:
    """Return the mode and the size (height, width) of a picture, of which only the head is read."""
    with _whole(path), _opened(path) as picture:
        turned = picture.getexif().get(0x0112, 1) >= 5  # by a quarter
        width, height = picture.size
        return picture.mode, (width, height) if turned else (height, width)


def is_coloured(mode: str) -> bool:
    """Whether a picture of the mode has colours."""
    return mode not in ("1", "L", "LA", "La", "F", *DEEP)


def read_picture(
    path: Path, colour: Colour, size: tuple[int, int], fit: Fit, background: int, deep: bool
) -> np.ndarray:
    """Return a picture [c, h, w], uint8, or uint16 where ``deep``.

    Transparent parts show the ``background`` (0 to 255), unless alpha is a channel. A picture that is not of the
    ``size`` (height, width) is stretched to it, cropped to its shape in the middle, or padded with the background.
    """
    with _whole(path), _opened(path) as picture:
        picture.load()
        upright = ImageOps.exif_transpose(picture)
        if picture.mode in DEEP:
            values = np.asarray(upright, np.int64)
            return _grey(
                values if picture.mode != "I" or values.max(initial=0) <= WHITE_16 else values >> 16,
                deep,
                size,
                fit,
                background,
            )
        flat = _flat(upright, colour, background)
        if deep and colour == "grey":
            return _grey(np.asarray(flat, np.int64) * 257, deep, size, fit, background)
        whole = _fitted(flat, size, fit, background)
    array = np.asarray(whole, np.uint8)
    return array[None] if array.ndim == 2 else array.transpose(2, 0, 1)


def _opened(path: Path) -> Image.Image:
    if not path.stat().st_size:
        raise _unreadable(path, "the file is empty")
    try:
        return Image.open(path)
    except UnidentifiedImageError:
        raise _unreadable(path, "it is no picture that Pillow knows") from None


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    """Refuse what Pillow cannot decode: it reads a part when it is asked for it."""
    try:
        yield
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _unreadable(path, str(error)) from error


def _unreadable(path: Path, why: str) -> StudyError:
    return StudyError(
        f"the picture {path} cannot be read: {why}", "a whole PNG or JPEG file", "replace or remove it"
    )


def _grey(values: np.ndarray, deep: bool, size: tuple[int, int], fit: Fit, background: int) -> np.ndarray:
    """A 16-bit grey picture [h, w]; resized as floats, as Pillow resizes no 16-bit integers."""
    picture = _fitted(Image.fromarray(values.astype(np.float32)), size, fit, background * 257)
    fine = np.clip(np.rint(np.asarray(picture, np.float64)), 0, WHITE_16)
    return (fine.astype(np.uint16) if deep else np.rint(fine / 257).astype(np.uint8))[None]


def _flat(picture: Image.Image, colour: Colour, background: int) -> Image.Image:
    """Return the picture in the mode of ``colour``, over the background where it is transparent."""
    if colour == "rgba":
        return picture.convert("RGBA")
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        own = picture.convert("RGBA")
        ground = Image.new("RGBA", own.size, (background, background, background, 255))
        picture = Image.alpha_composite(ground, own).convert("RGB")
    return picture.convert(MODES[colour])


def _fitted(picture: Image.Image, size: tuple[int, int], fit: Fit, background: float) -> Image.Image:
    width, height = size[1], size[0]
    if picture.size == (width, height):
        return picture
    if fit == "crop":
        return ImageOps.fit(picture, (width, height), Image.Resampling.BICUBIC)
    if fit == "pad":
        small = ImageOps.contain(picture, (width, height), Image.Resampling.BICUBIC)
        bands = len(picture.getbands())
        ground = background if picture.mode == "F" else int(background)
        whole = Image.new(picture.mode, (width, height), ground if bands == 1 else (int(background),) * bands)
        whole.paste(small, ((width - small.width) // 2, (height - small.height) // 2))
        return whole
    return picture.resize((width, height), Image.Resampling.BICUBIC)
