"""The lists of a page against sorting everything, its numbers against those that they were made from."""

import base64

import numpy as np
import pytest
from PIL import Image

from hydra_steps.explorer.blocks import Blocks, scaled_halves
from hydra_steps.explorer.lists import HARMED, HELPED, NONE, extreme_samples, listed_epochs, most_listed
from hydra_steps.explorer.sprites import COLUMNS, sprites


@pytest.mark.parametrize("samples", [1, 7, 50])
@pytest.mark.parametrize("top", [1, 5, 60])
def test_lists_are_the_ends_of_the_sorted_row(samples, top):
    values = np.random.default_rng(0).standard_normal((3, samples)).round(1)  # rounded, so that some tie
    positions, listed = extreme_samples(values, top, signed=True)
    for q, row in enumerate(values):
        rising = sorted(range(samples), key=lambda n: (row[n], n))
        falling = sorted(range(samples), key=lambda n: (-row[n], n))
        expected = {
            HELPED: [n for n in falling if row[n] > 0][:top],
            HARMED: [n for n in rising if row[n] < 0][:top],
        }
        for side, order in expected.items():
            assert positions[q, side, : len(order)].tolist() == order
            assert np.allclose(listed[q, side, : len(order)], row[order])
            assert (positions[q, side, len(order) :] == NONE).all()


def test_scores_that_only_rank_have_no_sign_and_no_sample_on_both_sides():
    values = np.arange(5.0)[None] + 1
    positions, _ = extreme_samples(values, 4, signed=False)
    assert positions[0, HELPED].tolist() == [4, 3, NONE, NONE]
    assert positions[0, HARMED].tolist() == [0, 1, NONE, NONE]


def test_samples_without_a_finite_value_are_in_no_list():
    positions, values = extreme_samples(np.array([[np.nan, 1.0, np.inf, -2.0]]), 4, signed=True)
    assert positions[0, HELPED].tolist() == [1, NONE, NONE, NONE]
    assert positions[0, HARMED].tolist() == [3, NONE, NONE, NONE]
    assert np.isnan(values[0, :, 1:]).all()
    assert (extreme_samples(np.full((2, 3), np.nan), 2, signed=True)[0] == NONE).all()


def test_epochs_are_those_of_the_listed_samples():
    by_epoch = np.random.default_rng(0).standard_normal((4, 2, 9)).astype(np.float32)
    positions, _ = extreme_samples(by_epoch.sum(0), 6, signed=True)
    found = listed_epochs(by_epoch, positions)
    assert found.shape == (2, 2, 6, 4)
    for q, side, k in np.ndindex(2, 2, 6):
        sample = positions[q, side, k]
        expected = np.zeros(4) if sample == NONE else by_epoch[:, q, sample]
        assert np.array_equal(found[q, side, k], expected)


def test_the_most_listed_come_first():
    lists = [np.array([[3, 5], [3, NONE]], dtype=np.uint32), np.array([5, 3, 1], dtype=np.uint32)]
    assert most_listed(lists, 8).tolist() == [3, 5, 1]
    assert most_listed([], 8).tolist() == []


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e6])
def test_halves_keep_three_digits(scale):
    values = np.random.default_rng(0).standard_normal(1000) * scale
    halves, power = scaled_halves(values)
    back = halves.astype(np.float64) / power
    assert np.allclose(back, values, rtol=1e-3, atol=1e-9 * scale)
    assert scaled_halves(np.zeros(3))[1] == 1.0
    assert np.isnan(scaled_halves(np.array([np.nan, 1.0]))[0][0])


def test_blocks_read_back():
    blocks = Blocks()
    blocks.add("a", np.arange(6).reshape(2, 3), "u4")
    assert blocks.shapes["a"] == ("u4", [2, 3])
    assert np.frombuffer(base64.b64decode(blocks.contents["a"]), "<u4").tolist() == list(range(6))


@pytest.mark.parametrize("channels", [1, 3])
def test_tiles_hold_the_pictures(channels, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (40, channels, 5, 4), dtype=np.uint8)
    (file,), shown = sprites(images, 10**6)
    assert shown == 40
    (tmp_path / "sheet.png").write_bytes(file)
    sheet = np.asarray(Image.open(tmp_path / "sheet.png")).reshape(10, 4 * COLUMNS, channels)
    for tile, image in enumerate(images):
        row, column = divmod(tile, COLUMNS)
        part = sheet[row * 5 : row * 5 + 5, column * 4 : column * 4 + 4]
        assert np.array_equal(part, image.transpose(1, 2, 0))


def test_pictures_stop_at_the_budget():
    images = np.random.default_rng(0).integers(0, 256, (2100, 1, 4, 4), dtype=np.uint8)
    one, _ = sprites(images[:1024], 10**6)
    files, shown = sprites(images, len(one[0]) + 10)
    assert (len(files), shown) == (1, 1024)
    assert sprites(images, 5) == ([], 0)
