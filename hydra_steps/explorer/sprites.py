"""Many small pictures in few files: tiles of a PNG, as small as lossless 8-bit pictures get on a page."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

COLUMNS, ROWS = 32, 32  # tiles of one PNG; some hundred kilobytes each, decoded when first seen


def sprites(images: np.ndarray, budget: int) -> tuple[list[bytes], int]:
    """Return PNG files that hold ``images`` uint8 [n, c, h, w] (grey or three channels), and how many of them.

    Tile t stands in file t // 1024, at column t % 32 of row t % 1024 // 32. Stops before the file that would take
    more than ``budget`` bytes in all.
    """
    files: list[bytes] = []
    size, shown = 0, 0
    for start in range(0, len(images), COLUMNS * ROWS):
        part = images[start : start + COLUMNS * ROWS]
        content = _png(_tiled(part))
        size += len(content)
        if size > budget:
            break
        files.append(content)
        shown += len(part)
    return files, shown


def picture(image: np.ndarray) -> bytes:
    """Return one image uint8 [c, h, w] as a PNG file."""
    return _png(image[0] if len(image) != 3 else image.transpose(1, 2, 0))


def _tiled(images: np.ndarray) -> np.ndarray:
    """Lay [n, c, h, w] out as one picture [rows·h, 32·w] or [rows·h, 32·w, 3]; empty tiles are black."""
    n, channels, height, width = images.shape
    rows = -(-n // COLUMNS)
    sheet = np.zeros((rows * COLUMNS, channels, height, width), dtype=np.uint8)
    sheet[:n] = images
    grid = sheet.reshape(rows, COLUMNS, channels, height, width).transpose(0, 3, 1, 4, 2)
    picture = grid.reshape(rows * height, COLUMNS * width, channels)
    return picture[..., 0] if channels != 3 else picture


def _png(picture: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="PNG", optimize=True)
    return file.getvalue()
