"""What a dataset is made of: raw files, places where they can be had, and the parts that are read from them.

Index letters: ``n`` sample, ``c`` channel, ``h`` and ``w`` pixel row and column.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np


@dataclass(frozen=True)
class Part:
    """One part of a dataset as published: ``inputs`` (of images uint8 ``[n, c, h, w]``) and ``targets`` (classes as
    int64 ``[n]``). Of a user's own data also the samples' ``names``, the texts by which they are ``shown``, and their
    ``groups``."""

    inputs: Any  # an array, or a Group of them
    targets: np.ndarray
    names: Sequence[str] | None = None
    shown: Sequence[str] | None = None
    groups: Sequence[str] | None = None


@dataclass(frozen=True)
class RawFile:
    """One file of a dataset in its folder, with the digest that decides.

    ``sha256`` is that of the file as it is kept. With ``unzip`` the kept file is the uncompressed content,
    and a source may offer it as ``name`` or as ``name.gz``: mirrors compress differently, the content is the
    same. ``size``: the bytes of the file as it is kept, where they are known; no more are unpacked.
    """

    name: str
    sha256: str
    unzip: bool = True
    size: int | None = None


class Source(Protocol):
    """A place where files can be had: ``kind`` names it in the manifest and in messages."""

    @property
    def kind(self) -> str: ...

    def offer(self, files: tuple[RawFile, ...], scratch: Path) -> Mapping[str, Iterable[Path | str]]:
        """Return, for each file by name, candidates (paths, plain or gzip) and reasons why there are none.

        Candidates are taken one by one until one is verified, so a lazy iterable downloads no more than it
        must.
        """
        ...
