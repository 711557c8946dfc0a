"""What YAML passes over in silence, or dies of, is one message; names stay the texts that were written."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import pytest

from hydra_steps.config import resolve_study
from hydra_steps.config.reading import check_names, parse_yaml, read_yaml
from hydra_steps.errors import StudyError

# Each line holds ten times the one before it.
BOMB = "a0: &a0 [1]\n" + "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12))


def test_names_stay_the_texts_that_were_written() -> None:
    text = "variants: {1e3: {}, 2026-01-01: {}, yes: {}, null: {}, 0.5: {}, 0x1F: {}, ~: {}}"
    assert list(parse_yaml(text)["variants"]) == ["1e3", "2026-01-01", "yes", "null", "0.5", "0x1F", "~"]


def test_values_are_read_as_ever() -> None:
    assert parse_yaml("a: 1\nb: 0.5\nc: yes\nd: null\ne: [1, {f: g}]") == {
        "a": 1, "b": 0.5, "c": True, "d": None, "e": [1, {"f": "g"}],
    }  # fmt: skip


def test_anchors_and_merges_work() -> None:
    text = "base: &base {x: 1, y: 2}\nother: {<<: *base, y: 3}\nsame: *base"
    assert parse_yaml(text) == {"base": {"x": 1, "y": 2}, "other": {"x": 1, "y": 3}, "same": {"x": 1, "y": 2}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("study: a\nseeds: [0]\nstudy: b", "'study' stands twice, in lines 1 and 3"),
        ("data:\n  train: 1\n  train: 2", "'train' stands twice, in lines 2 and 3"),
        ("? [a]\n: 1", "a key is a list or a mapping"),
        ("a: &x [*x]", "nested"),
        ("a: " + "[" * 60 + "]" * 60, "deeper than 50 levels"),
        ("a: " + "[" * 5000 + "]" * 5000, "nested"),
        (BOMB, "too many values"),
        ("a: [1", "is not YAML"),
        ("a: *nobody", "is not YAML"),
        ("a: 1 # \0", "is not YAML: unacceptable character #x0000"),
    ],
)  # fmt: skip
def test_one_message(text: str, words: str) -> None:
    with pytest.raises(StudyError, match=re.escape(words)):
        parse_yaml(text)


def test_text_in_another_encoding_names_the_byte(tmp_path: Path) -> None:
    file = tmp_path / "latin.yaml"
    file.write_bytes("study: a\n# Größe\n".encode("latin-1"))
    with pytest.raises(StudyError, match=r"not UTF-8: byte 0xf6 in line 2; expected: text in UTF-8"):
        read_yaml(file)


def test_a_folder_and_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="is no file"):
        read_yaml(tmp_path)
    with pytest.raises(StudyError, match="cannot be read: No such file"):
        read_yaml(tmp_path / "none.yaml")


@pytest.mark.parametrize("name", [1, 0.5, -1e-07, True, None, datetime.date(2024, 1, 1)])
def test_a_name_that_another_reader_took_for_something_else(name: object) -> None:
    """The name that is proposed in its place is one that a study may have."""
    with pytest.raises(
        StudyError, match=r"variants: a name was read as .* a name into quotes in its place"
    ) as caught:
        check_names({"variants": {name: {"noise": {"rate": 0.1}}}})
    proposed = caught.value.fix.split('"')[1]
    assert list(resolve_study({"variants": {proposed: {}}})["variants"]) == [proposed]
