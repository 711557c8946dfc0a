"""Keep policies: which states are stored."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydra_steps.errors import StudyError
from hydra_steps.machine import Available
from hydra_steps.trajectory.keep import (
    SHARE,
    automatic_spacing,
    checkpoint_steps,
    format_bytes,
    parse_bytes,
)

KEEPS = st.one_of(
    st.sampled_from(["all", "sqrt"]),
    st.builds(lambda k: {"every": k}, st.integers(1, 500)),
    st.builds(lambda n: {"budget": n * 10}, st.integers(2, 400)),
)


@given(keep=KEEPS, steps=st.integers(0, 300))
def test_first_and_last_state_are_kept_and_segments_are_even(keep, steps: int) -> None:
    kept = checkpoint_steps(keep, steps, bytes_per_state=10)
    assert kept[0] == 0
    assert kept[-1] == steps
    gaps = [b - a for a, b in zip(kept, kept[1:], strict=False)]
    assert all(gap > 0 for gap in gaps)
    assert len(set(gaps[:-1])) <= 1
    assert gaps[-1:] <= gaps[:1]


@given(steps=st.integers(1, 300), affordable=st.integers(2, 400))
def test_a_budget_keeps_the_densest_even_spacing_that_fits(steps: int, affordable: int) -> None:
    kept = checkpoint_steps({"budget": affordable * 10 + 9}, steps, bytes_per_state=10)
    assert len(kept) <= affordable
    spacing = kept[1]
    if spacing > 1:
        assert len(checkpoint_steps({"every": spacing - 1}, steps, 10)) > affordable


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 99, 100, 101])
def test_sqrt_and_all(steps: int) -> None:
    assert checkpoint_steps("all", steps, 1) == list(range(steps + 1))
    assert checkpoint_steps("sqrt", steps, 1)[1] == min(math.ceil(math.sqrt(steps)), steps)


@given(steps=st.integers(0, 3000), disk=st.integers(0, 10**6), memory=st.integers(0, 10**5))
def test_auto_is_all_where_the_share_of_the_disk_allows_and_else_the_cheapest(
    steps: int, disk: int, memory: int
) -> None:
    every, sparse = automatic_spacing(steps, 10, Available(disk, memory)), math.ceil(math.sqrt(steps)) or 1
    share, held = int(SHARE * disk), int(SHARE * memory)
    assert 1 <= every <= sparse
    assert (every == 1) == ((steps + 1) * 10 <= share or sparse == 1)
    if 1 < every < sparse:  # more states than sqrt only for the memory, and only as the disk allows
        assert len(checkpoint_steps({"every": every}, steps, 10)) * 10 <= share
        assert (every + 1) * 10 > held
        fits = len(checkpoint_steps({"every": every - 1}, steps, 10)) * 10 <= share
        assert every * 10 <= held or not fits
    if every == sparse > 1:
        fewer = len(checkpoint_steps({"every": sparse - 1}, steps, 10)) * 10
        assert every * 10 <= held or fewer > share
    assert checkpoint_steps("auto", steps, 10, Available(disk, memory))[1:2] == ([every] if steps else [])


def test_auto_without_anything_known_of_the_disk_is_sqrt() -> None:
    assert checkpoint_steps("auto", 1000, 10) == checkpoint_steps("sqrt", 1000, 10)


@pytest.mark.parametrize(
    "keep", ["sqr", {"every": 0}, {"every": True}, {"budget": "2 apples"}, {"budget": 19}, 3, {}]
)
def test_what_is_no_policy_is_refused(keep) -> None:
    with pytest.raises(StudyError):
        checkpoint_steps(keep, 10, 10)


def test_a_budget_that_is_too_small_says_the_numbers() -> None:
    with pytest.raises(StudyError, match=r"allows 500 bytes, and one state takes 493.65 KB.*987.3 KB"):
        checkpoint_steps({"budget": "500"}, 10, 493_648)


@pytest.mark.parametrize(
    ("text", "size"),
    [("2GB", 2_000_000_000), ("1.5 GiB", 1_610_612_736), ("500mb", 500_000_000), (17, 17)],
)
def test_sizes_with_units(text, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "GB", "2 apples", "-2GB", "2GB 3", "3e3"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(StudyError, match="is not a size"):
        parse_bytes(text)


def test_sizes_for_people() -> None:
    assert [format_bytes(n) for n in (0, 999, 493_648, 2e9, 1.234e13)] == [
        "0 bytes",
        "999 bytes",
        "493.65 KB",
        "2 GB",
        "12.34 TB",
    ]
