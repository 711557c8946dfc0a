"""A user's own texts: CSV and JSON lines, a tokenizer trained on the training part, counts and token numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hydra_steps.config.datasets import dataset
from hydra_steps.config.descriptions import prepared_folder
from hydra_steps.data.describe import describe
from hydra_steps.data.raw import Part
from hydra_steps.data.run_data import read_parts
from hydra_steps.errors import StudyError

pytest.importorskip("tokenizers")
GOOD, BAD = "A warm, kind and bright film.", "A dull, cold film: dull!"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine").mkdir()


def write(name: str = "reviews.jsonl", count: int = 20, unseen: str = "") -> str:
    rows = [
        {"text": GOOD if i % 2 else BAD, "label": "good" if i % 2 else "bad", "part": "train"}
        for i in range(count)
    ]
    rows += [{"text": f"{GOOD} {unseen}", "label": "good", "part": "test"}] if unseen else []
    lines = [json.dumps(row) for row in rows]
    if name.endswith(".csv"):
        lines = ["text,label,part", *(f'"{row["text"]}",{row["label"]},{row["part"]}' for row in rows)]
    Path("mine", name).write_text("\n".join(lines) + "\n")
    return name


def read(name: str, **options: object) -> tuple[Part, tuple[str, ...]]:
    given = {"file": name, **options}
    describe("texts", "mine", given)
    return read_parts("texts", "mine", given)["train"], dataset("texts", "mine", given).columns


@pytest.mark.parametrize("name", ["reviews.jsonl", "reviews.csv"])
def test_counts_of_words(name: str) -> None:
    part, words = read(write(name))
    row = dict(zip(words, part.inputs[0].tolist(), strict=True))
    assert row["dull"] > row["film"] > 0
    assert row["warm"] == row["[PAD]"] == 0
    np.testing.assert_allclose((part.inputs**2).sum(1), 1, rtol=1e-6)
    assert part.targets.tolist()[:2] == [0, 1]
    assert list(part.shown or ())[:2] == [BAD, GOOD]
    assert list(part.names or ())[:2] == ["row 1", "row 2"]


@pytest.mark.parametrize("tokenizer", ["words", "pieces"])
def test_tokens_are_padded_cut_and_can_be_read_back(tokenizer: str) -> None:
    part, words = read(write(), inputs="tokens", tokenizer=tokenizer, length=7)
    assert (part.inputs.shape, part.inputs.dtype) == ((20, 7), np.int64)
    if tokenizer == "words":
        assert [words[token] for token in part.inputs[0]] == ["a", "dull", ",", "cold", "film", ":", "dull"]
    longer, _ = read(write(), inputs="tokens", tokenizer=tokenizer, length=60)
    assert longer.inputs[0, -1] == 0
    home = prepared_folder(
        "texts", "mine", {"file": "reviews.jsonl", "inputs": "tokens", "tokenizer": tokenizer}
    )
    assert not home.exists()


def test_the_tokenizer_knows_the_training_part_alone() -> None:
    _, words = read(write(unseen="zebra"), split="part")
    assert "zebra" not in words
    given = {"file": "reviews.jsonl", "split": "part"}
    test = read_parts("texts", "mine", given)["test"]
    assert test.inputs[0, words.index("[UNK]")] > 0
    (store,) = [one for one in prepared_folder("texts", "mine", given).iterdir() if one.is_dir()]
    assert "warm" in json.loads((store / "tokenizer.json").read_text())["model"]["vocab"]


def test_the_next_token_in_place_of_a_class() -> None:
    part, words = read(write(), inputs="tokens", predict="next_token", length=9)
    entry = dataset(
        "texts", "mine", {"file": "reviews.jsonl", "inputs": "tokens", "predict": "next_token", "length": 9}
    )
    assert (entry.asks, entry.outputs, entry.tokens) == ("tokens", words, len(words))
    assert part.targets[0, :-1].tolist()[:6] == part.inputs[0, 1:7].tolist()
    assert part.targets[0, -1] == -100
    with pytest.raises(StudyError, match="data.predict is next_token, and data.inputs counts"):
        read(write(), predict="next_token")


def test_what_cannot_be_read_is_one_message() -> None:
    with pytest.raises(StudyError, match="data.text: there is no column 'txt'.*did you mean 'text'"):
        read(write(), text="txt")
    Path("mine/empty.csv").write_text('text,label\nhello,a\n" ",b\nyou,a\n')
    with pytest.raises(StudyError, match=r"column text has no text at row 2 \(1 such rows\)"):
        read("empty.csv")
    Path("mine/bad.jsonl").write_text('{"text": "a", "label": 1}\n{"text": \n')
    with pytest.raises(StudyError, match="mine/bad.jsonl cannot be read: line 2: Expecting value"):
        read("bad.jsonl")
    Path("mine/latin.csv").write_bytes("text,label\ngrün,a\nrot,b\nblau,a\n".encode("latin-1"))
    with pytest.raises(StudyError, match="latin.csv is not utf-8"):
        read("latin.csv")


def test_without_the_library_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hydra_steps.data.datasets.texts.find_spec", lambda name: None)
    with pytest.raises(
        StudyError, match=r"tokenizers is not installed; what to do: run pip install '\.\[texts\]'"
    ):
        read(write())
