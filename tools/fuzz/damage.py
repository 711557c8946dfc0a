"""Ways to damage, edit, swap or age one file."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

Way = Callable[[Path, random.Random, Sequence[Path]], None]


def flip(path: Path, draw: random.Random, _: Sequence[Path]) -> None:
    """Change one bit."""
    content = bytearray(path.read_bytes())
    if content:
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)


def digit(path: Path, draw: random.Random, _: Sequence[Path]) -> None:
    """Change one digit into another."""
    content = bytearray(path.read_bytes())
    places = [i for i, byte in enumerate(content) if chr(byte).isdigit() and byte < 128]
    if places:
        place = draw.choice(places)
        content[place] = ord(draw.choice([d for d in "0123456789" if ord(d) != content[place]]))
    path.write_bytes(content)


def truncate(path: Path, draw: random.Random, _: Sequence[Path]) -> None:
    """Cut the end off."""
    os.truncate(path, draw.randrange(max(1, path.stat().st_size)))


def append(path: Path, draw: random.Random, _: Sequence[Path]) -> None:
    """Add something to the end."""
    with path.open("ab") as stream:
        stream.write(draw.choice([b"\n", b"0", b"}", b"\0" * 4096, draw.randbytes(64)]))


def zero(path: Path, draw: random.Random, _: Sequence[Path]) -> None:
    """Fill a stretch with zeros."""
    content = bytearray(path.read_bytes())
    start = draw.randrange(max(1, len(content)))
    stop = min(len(content), start + draw.randrange(1, 4097))
    content[start:stop] = bytes(stop - start)
    path.write_bytes(content)


def line(path: Path, draw: random.Random, _: Sequence[Path]) -> None:
    """Repeat a line, take one away, or exchange two."""
    lines = path.read_bytes().splitlines(keepends=True)
    if len(lines) > 1:
        one, other = draw.randrange(len(lines)), draw.randrange(len(lines))
        match draw.randrange(3):
            case 0:
                lines.insert(one, lines[other])
            case 1:
                del lines[one]
            case _:
                lines[one], lines[other] = lines[other], lines[one]
    path.write_bytes(b"".join(lines))


def garbage(path: Path, draw: random.Random, _: Sequence[Path]) -> None:
    """Write something else."""
    path.write_bytes(
        draw.choice([b"", b"{}", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, draw.randbytes(500)])
    )


def remove(path: Path, draw: random.Random, _: Sequence[Path]) -> None:
    """Delete it."""
    path.unlink()


def folder(path: Path, draw: random.Random, _: Sequence[Path]) -> None:
    """Put a folder in its place."""
    path.unlink()
    path.mkdir()


def pipe(path: Path, draw: random.Random, _: Sequence[Path]) -> None:
    """Put a pipe in its place, from which nothing ever comes."""
    path.unlink()
    os.mkfifo(path)


def link(path: Path, draw: random.Random, _: Sequence[Path]) -> None:
    """Put a link to nothing, or to itself, in its place."""
    path.unlink()
    path.symlink_to(draw.choice(["nothing", path.name]))


def swap(path: Path, draw: random.Random, others: Sequence[Path]) -> None:
    """Put another file's content in its place."""
    alike = [
        other
        for other in others
        if other != path and (other.name == path.name or other.suffix == path.suffix)
    ]
    shutil.copyfile(draw.choice(alike or list(others)), path)


def age(path: Path, draw: random.Random, _: Sequence[Path]) -> None:
    """Give it another date."""
    when = draw.choice([0, 10**9, 4 * 10**9])
    os.utime(path, (when, when))


WAYS: tuple[Way, ...] = (
    *(flip, flip, digit, digit, swap, swap, truncate, append, zero, line, garbage),
    *(remove, folder, pipe, link, age),
)
