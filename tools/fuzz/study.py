"""A finished study that one file at a time is damaged in, and made whole again."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hydra_steps.provenance.record import FOLDER, Making, read_record
from tools.fuzz.damage import WAYS
from tools.fuzz.reading import BANK, data_of, made_from_bank

MEASURED = ("logs", "benchmarks")  # no results: nothing but a table of times is made from them
RECORD = f"/{FOLDER}/"


@dataclass(frozen=True)
class Target:
    """An output, and a file that vouches for it or is a part of it."""

    output: Path
    file: Path

    @property
    def banked(self) -> bool:
        """Whether the file is a training that was kept, from which the output is made again."""
        return self.file.parent.name == BANK


class Finished:
    """The folder ``whole`` of a finished study, and a copy of it, ``folder``, to be damaged."""

    def __init__(self, whole: Path, folder: Path) -> None:
        self.whole, self.folder = whole, folder
        shutil.copytree(whole, folder, symlinks=True)
        self.data: dict[Path, Any] = {}  # what a reader of each output sees
        self._made: dict[Path, Any] = {}

    @cached_property
    def outputs(self) -> dict[Path, Making]:
        """Every output, with what makes it."""
        found = {}
        for path in sorted(self.folder.rglob(f"{FOLDER}/*.json")):
            output = path.parents[1] / path.name.removesuffix(".json")
            record = read_record(output)
            assert record is not None, path
            found[output] = Making(record.step, record.settings, record.code, record.inputs)
        return found

    @cached_property
    def targets(self) -> list[Target]:
        """Every file of the study that something is made of or known by."""
        found = []
        for file in sorted(self.folder.rglob("*")):
            inside = file.relative_to(self.folder)
            if not file.is_file() or inside.parts[0] in MEASURED or file.name.startswith("."):
                continue
            if RECORD in f"/{inside}":
                output: Path | None = file.parents[1] / file.name.removesuffix(".json")
            elif file.parent.name == BANK:
                output = next(one for one in self.outputs if one.is_relative_to(file.parents[1]))
            else:
                parents = [file, *file.parents]
                output = next((one for one in parents if one in self.outputs), None)
            if output is not None:  # else a working file, of which nothing is made
                found.append(Target(output, file))
        return found

    def read(self) -> None:
        """Read everything, while nothing is damaged."""
        self.data = {output: data_of(output) for output in self.outputs} | self.data

    def made(self, output: Path) -> Any:
        """Return what is made again from the trainings that are kept, while nothing is damaged."""
        if output not in self._made:
            self._made[output] = made_from_bank(output)
        return self._made[output]

    @contextmanager
    def damaged(self, target: Target, way: int, draw: random.Random) -> Iterator[None]:
        """Damage a file, and restore it, and all beside it that was written meanwhile."""
        others = [one.file for one in self.targets]
        try:
            WAYS[way](target.file, draw, others)
            yield
        finally:
            file = target.file
            if file.is_dir() and not file.is_symlink():
                file.rmdir()
            else:
                file.unlink(missing_ok=True)
            shutil.copy2(self.whole / file.relative_to(self.folder), file)
