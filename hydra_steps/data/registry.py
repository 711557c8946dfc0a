"""The registry of datasets: what a dataset is, and how one is found by name.

A dataset is one :class:`Dataset` value, registered by the module of its family in
``hydra_steps/data/datasets/``. Every module in that folder is imported on the first look-up, so adding a
dataset is adding one file there.

Index letters: ``n`` sample, ``c`` channel, ``h`` and ``w`` pixel row and column.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Protocol

import numpy as np

from hydra_steps.errors import StudyError, nearest


@dataclass(frozen=True)
class Part:
    """One part of a dataset as published: ``images`` uint8 ``[n, c, h, w]``, ``labels`` int64 ``[n]``."""

    images: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True)
class RawFile:
    """One file of a dataset in its folder, with the digest that decides.

    ``sha256`` is that of the file as it is kept. With ``unzip`` the kept file is the uncompressed content,
    and a source may offer it as ``name`` or as ``name.gz``: mirrors compress differently, the content is the
    same.
    """

    name: str
    sha256: str
    unzip: bool = True


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


@dataclass(frozen=True)
class Dataset:
    """What the workflow knows about a dataset before it has read a byte.

    ``parts`` maps a published part (``train``, ``test``) to its number of samples; a dataset with only
    ``train`` is one from which all splits are taken. ``mean`` and ``std`` (one per channel) are those of the
    train part's pixels divided by ``white``, the value of a full pixel. ``read`` turns the dataset's folder
    into its parts, and raises :class:`StudyError` for files that are missing or malformed; ``files`` are
    verified before it is called.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    image_shape: tuple[int, int, int]
    parts: Mapping[str, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    read: Callable[[Path], dict[str, Part]]
    white: float = 255.0
    files: tuple[RawFile, ...] = ()
    sources: tuple[Source, ...] = field(default=(), repr=False)
    bundled_sha256: str = (
        ""  # content digest of a dataset that ships with a dependency (then ``files`` is empty)
    )
    reference: str = ""


_REGISTRY: dict[str, Dataset] = {}


def register(entry: Dataset) -> Dataset:
    """Add a dataset to the registry (a second one of the same name replaces the first) and return it."""
    _REGISTRY[entry.name] = entry
    return entry


@cache
def _import_families() -> None:
    from hydra_steps.data import datasets

    for module in sorted(info.name for info in pkgutil.iter_modules(datasets.__path__)):
        importlib.import_module(f"{datasets.__name__}.{module}")


def dataset_names() -> list[str]:
    """Return the names of all datasets, sorted."""
    _import_families()
    return sorted(_REGISTRY)


def dataset(name: str) -> Dataset:
    """Return the dataset called ``name``; an unknown name is a :class:`StudyError` with the nearest known
    one."""
    _import_families()
    if name not in _REGISTRY:
        raise StudyError(
            f"data.name is {name!r}", "the name of a dataset", nearest(str(name), dataset_names())
        )
    return _REGISTRY[name]
