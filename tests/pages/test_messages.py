"""Messages that the pages show are those that are given."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hydra_steps.config.resolve import resolve_study
from hydra_steps.data.describe import describe
from hydra_steps.errors import StudyError
from hydra_steps.registry import use_plugins
from tests.pages.blocks import PAGES, ROOT, blocks

PLUGIN = ROOT / "config" / "example_plugin.py"


def shown() -> list[str]:
    """The messages in the pages' blocks."""
    lines = [
        line
        for page in PAGES
        for kind in ("", "text")
        for text in blocks(page, kind)
        for line in text.splitlines()
    ]
    return sorted({line for line in lines if line.startswith("error: ")})


def study(folder: Path, plugin: str | None, **sections: object) -> None:
    if plugin is not None:
        sections["plugins"] = [plugin]
    resolve_study({"study": "mine", **sections}, folder)


def misspelt(folder: Path) -> None:
    text = PLUGIN.read_text(encoding="utf-8").replace("article=", "artcle=", 1)
    (folder / "my_study.py").write_text(text, encoding="utf-8")
    study(folder, "my_study.py", model={"name": "two_layers"})


def two_layers(**options: object) -> Callable[[Path], None]:
    def made(folder: Path) -> None:
        shutil.copy(PLUGIN, folder / "my_study.py")
        study(folder, "my_study.py", model={"name": "two_layers", **options})

    return made


def table(change: Callable[[pd.DataFrame], pd.DataFrame], **options: object) -> Callable[[Path], None]:
    """Describe the table clinic/patients.csv after a change to it."""

    def made(folder: Path) -> None:
        (folder / "clinic").mkdir(exist_ok=True)
        rows = {"age": np.arange(40.0), "town": "Ulm", "diagnosis": ["well", "ill"] * 20}
        frame = change(pd.DataFrame(rows))
        frame.to_csv(folder / "clinic/patients.csv", index=False, encoding="latin-1")
        describe("table", "clinic", {"file": "patients.csv", "label": "diagnosis", **options})

    return made


def ages(position: list[int], value: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def changed(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.astype({"age": str})
        frame.loc[position, "age"] = value
        return frame

    return changed


def rare(frame: pd.DataFrame) -> pd.DataFrame:
    frame.loc[38:, "diagnosis"] = "rare"
    return frame.assign(part=["train"] * 38 + ["test"] * 2)


def pictures(folder: Path) -> None:
    from PIL import Image

    for kind in ("a", "b"):
        (folder / "receipts" / kind).mkdir(parents=True)
        for number in range(15, 20):
            Image.new("L", (4, 4)).save(folder / f"receipts/{kind}/{number}.png")
    (folder / "receipts/a/17.png").write_bytes(b"")
    describe("images", "receipts", {})


CASES: list[tuple[str, Callable[[Path], None]]] = [
    ("noise.rate: 1.5", lambda folder: study(folder, None, noise={"kind": "symmetric", "rate": 1.5})),
    ("model.widht", two_layers(widht=8)),
    ("model.width: 0", two_layers(width=0)),
    ("my_stduy.py", lambda folder: study(folder, "my_stduy.py")),
    ("'artcle'", misspelt),
    ("receipts/a/17.png", pictures),
    ("'x' at row 12", table(ages([11], "x"))),
    ("the column age has no value", table(ages([3, 7, 9], ""))),
    ("patients.csv is not utf-8", table(lambda frame: frame.assign(town=["Ulm"] * 7 + ["Zürich"] * 33))),
    ("never shown", table(rare, split="part")),
]


@pytest.fixture(autouse=True)
def no_plugins_afterwards() -> Iterator[None]:
    yield
    use_plugins([])


@pytest.mark.parametrize(("words", "act"), CASES, ids=[words for words, _ in CASES])
def test_a_message_is_given_as_the_page_shows_it(
    words: str, act: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (expected,) = [line for line in shown() if words in line]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StudyError) as failed:
        act(tmp_path)
    said = f"error: {failed.value}".replace(str(tmp_path), "/home/me")
    assert re.sub(r"\.py:\d+", ".py:#", said) == re.sub(r"\.py:\d+", ".py:#", expected)


def test_all_messages_are_tried() -> None:
    # The one of an import comes from a job: tests/workflow/test_plugin.py.
    others = [line for line in shown() if not any(words in line for words, _ in CASES)]
    assert len(others) == 1
    assert "cannot be imported: ZeroDivisionError" in others[0]
