"""A user's own pictures: every mode and size that files have, folders and tables of them, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from hydra_steps.config.datasets import Dataset, dataset
from hydra_steps.config.split_sizes import split_sizes
from hydra_steps.data.describe import describe
from hydra_steps.data.pictures import shown
from hydra_steps.data.run_data import read_parts
from hydra_steps.errors import StudyError

GREY = np.arange(20, dtype=np.uint8).reshape(4, 5) * 12
COLOUR = np.random.default_rng(0).integers(0, 256, (4, 5, 3)).astype(np.uint8)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(name: str, array: np.ndarray = GREY, mode: str | None = None, **options: object) -> Path:
    path = Path("mine") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(array)
    (picture if mode is None else picture.convert(mode)).save(path, **options)  # type: ignore[arg-type]
    return path


def folders(count: int = 3, array: np.ndarray = GREY) -> None:
    for number in range(count):
        put(f"cat/{number}.png", array)
        put(f"dog/{number}.png", array[::-1])


def read(**options: object) -> tuple[Dataset, np.ndarray]:
    describe("images", "mine", options)
    return dataset("images", "mine", options), read_parts("images", "mine", options)["train"].inputs


def test_a_folder_for_each_class() -> None:
    folders()
    (Path("mine") / "notes.txt").write_text("no picture")
    entry, inputs = read()
    assert (entry.classes, entry.shape, entry.kind) == (("cat", "dog"), (1, 4, 5), "image")
    part = read_parts("images", "mine")["train"]
    assert list(part.names or ()) == [f"{name}/{n}.png" for name in ("cat", "dog") for n in range(3)]
    assert part.targets.tolist() == [0, 0, 0, 1, 1, 1]
    np.testing.assert_array_equal(inputs[0, 0], GREY)
    np.testing.assert_array_equal(shown(entry, part, np.array([3])).pictures[0, 0], GREY[::-1])


def test_folders_of_the_splits_around_the_classes() -> None:
    for part, count in (("train", 4), ("test", 2)):
        for number in range(count):
            put(f"{part}/cat/{number}.png")
            put(f"{part}/dog/{number}.png")
    entry, _ = read()
    assert entry.parts == {"train": 8, "test": 4}
    assert split_sizes(entry, None, 2, None) == {"train": 6, "validation": 2, "test": 4}


def test_a_table_of_paths_and_classes() -> None:
    folders()
    paths = [f"cat/{n}.png" for n in range(3)] + [f"dog/{n}.png" for n in range(3)]
    table = pd.DataFrame({"path": paths, "label": [7, 7, 7, 9, 9, 9], "part": ["train"] * 5 + ["test"]})
    table.to_csv("mine/all.csv", index=False)
    entry, _ = read(file="all.csv", split="part")
    assert (entry.classes, entry.parts) == (("7", "9"), {"train": 5, "test": 1})
    table.assign(path="none.png").to_csv("mine/all.csv", index=False)
    with pytest.raises(StudyError, match="all.csv names 6 pictures that are not there, such as 'none.png'"):
        read(file="all.csv")


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "1"])
def test_8_bit_modes_as_grey_and_as_colours(mode: str) -> None:
    black_and_white = np.where(COLOUR > 128, 255, 0).astype(np.uint8)
    put("a/x.png", black_and_white, mode)
    put("b/x.png", black_and_white, mode)
    entry, inputs = read(colour="rgb")
    expected = np.asarray(Image.fromarray(black_and_white).convert(mode).convert("RGB"))
    assert entry.shape == (3, 4, 5)
    np.testing.assert_array_equal(inputs[0].transpose(1, 2, 0), expected)
    grey, inputs = read(colour="grey")
    assert grey.shape == (1, 4, 5)
    np.testing.assert_array_equal(inputs[0, 0], np.asarray(Image.fromarray(expected).convert("L")))
    assert read()[0].shape[0] == (1 if mode in ("L", "LA", "1") else 3)


def test_16_bit_grey_keeps_its_levels() -> None:
    deep = (np.arange(20).reshape(4, 5) * 3000 + 7).astype(np.uint16)
    put("a/x.png", deep)
    put("b/x.png", GREY)
    entry, inputs = read()
    assert (entry.dtype, entry.white) == ("uint16", 65535.0)
    np.testing.assert_array_equal(inputs[0, 0], deep)
    np.testing.assert_array_equal(inputs[1, 0], GREY.astype(np.uint16) * 257)
    part = read_parts("images", "mine")["train"]
    np.testing.assert_array_equal(shown(entry, part, np.arange(2)).pictures[1, 0], GREY)
    assert read(colour="rgb")[1].max() <= 255


def test_transparent_parts_show_the_background() -> None:
    clear = np.dstack([COLOUR, np.zeros((4, 5), np.uint8)])
    put("a/x.png", clear)
    put("b/x.png", clear)
    assert (read()[1] == 255).all()
    assert (read(background=10)[1] == 10).all()
    np.testing.assert_array_equal(read(colour="rgba")[1][0].transpose(1, 2, 0), clear)


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_sizes_that_differ(fit: str) -> None:
    half = np.zeros((4, 8), np.uint8)
    half[:, :4] = 200
    put("a/x.png", half)
    put("b/x.png", np.full((4, 4), 90, np.uint8))
    with pytest.raises(
        StudyError, match=r"b/x.png has \[height, width\] \[4, 4\], and a/x.png has \[4, 8\].*data.fit"
    ):
        read()
    with pytest.raises(StudyError, match=r"and data.size is \[4, 4\]"):
        read(size=[4, 4])
    _, inputs = read(size=[4, 4], fit=fit)
    assert inputs.shape == (2, 1, 4, 4)
    assert (inputs[1] == 90).all()
    left, right, top = inputs[0, 0, 2, 0], inputs[0, 0, 2, 3], inputs[0, 0, 0, 0]
    assert (int(left) > 150, int(right) < 50) == (True, True)
    assert (top == 255) == (fit == "pad")


def test_turned_pictures_are_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    for name in "ab":
        put(f"{name}/x.jpg", np.repeat(GREY[..., None], 3, -1), exif=exif)
    assert read()[0].shape == (3, 5, 4)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "dog/bad.png cannot be read: the file is empty"),
        (b"hello", "dog/bad.png cannot be read: it is no picture that Pillow knows"),
        (None, "dog/bad.png cannot be read: .*truncated"),
    ],
)
def test_pictures_that_cannot_be_read(content: bytes | None, message: str) -> None:
    folders()
    path = Path("mine/dog/bad.png")
    noise = np.random.default_rng(0).integers(0, 256, (4, 5)).astype(np.uint8)
    path.write_bytes(put("dog/bad.png", noise).read_bytes()[:-30] if content is None else content)
    with pytest.raises(StudyError, match=message):
        read()


def test_folders_that_hold_no_data() -> None:
    Path("mine").mkdir()
    with pytest.raises(StudyError, match="mine has no folders with pictures"):
        read()
    folders()
    Path("mine/empty").mkdir()
    with pytest.raises(StudyError, match="the folder mine/empty has no pictures"):
        read()
    with pytest.raises(StudyError, match="data.split is 'part', and there is no table"):
        read(split="part")
