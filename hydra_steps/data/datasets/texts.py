"""``texts``: rows of text with a class each, from CSV or JSON lines, without a line of code.

A tokenizer of the `tokenizers` library is trained on the training part; its file is kept beside the prepared arrays.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from hydra_steps.config.targets import CLASS, TOKENS
from hydra_steps.data.own import frames
from hydra_steps.data.own.targets import next_tokens
from hydra_steps.data.samples import Samples
from hydra_steps.errors import StudyError
from hydra_steps.registry.decorators import dataset

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PAD, UNKNOWN = "[PAD]", "[UNK]"
INSTALL = "pip install '.[texts]'"


@dataset("texts", title="texts", reads=["{file}", "{validation_file}", "{test_file}"])
def texts(
    folder: Path,
    *,
    file: str = "",
    text: str = "text",
    label: str = "label",
    validation_file: str = "",
    test_file: str = "",
    split: str = "",
    group: str = "",
    id: str = "",
    inputs: Literal["counts", "tokens"] = "counts",
    predict: Literal["class", "next_token"] = "class",
    tokenizer: Literal["words", "pieces"] = "words",
    vocabulary: Annotated[int, "3 <= x <= 1000000"] = 1000,
    length: Annotated[int, "1 <= x <= 8192"] = 64,
    lowercase: bool = True,
    separator: str = ",",
    encoding: str = "utf-8",
) -> Samples:
    """Your own texts, from CSV or JSON lines.

    Options:
        file: The file, in `data.folder` or by its path. The end `.jsonl` is JSON lines, `.parquet` Parquet, all else
            CSV.
        text: The column of the texts.
        label: The column of the classes.
        validation_file: A file of its own for validation.
        test_file: A file of its own for the test.
        split: A column that says train, validation or test.
        group: A column; texts with the same value come into the same split.
        id: A column that names the texts. Without one they are counted.
        inputs: What a model is given. Of `counts` how often each token stands in the text (its logarithm, the whole
            brought to length 1), which every model takes; of `tokens` their numbers [length], 0 where the text has
            ended, for models that embed them.
        predict: The class, or at each place of the text the token after it, for which `inputs` must be `tokens` and no
            column of classes is needed.
        tokenizer: Whole words, or pieces of words (byte-pair encoding).
        vocabulary: Tokens, the most frequent of the training part, with one for the end and one for all others.
        length: Tokens of a text. Longer ones are cut, of `counts` too.
        lowercase: Whether letters are made small.
        separator: What stands between the cells of a CSV.
        encoding: How the file is written.
    """
    rows, files, names = frames.read_parts(
        folder, file, validation_file, test_file, separator=separator, encoding=encoding
    )
    written = frames.column(rows, text, "data.text")
    named = frames.optional(rows, id, "data.id") or names
    empty = [name for name, one in zip(named, written, strict=True) if not one.strip()]
    if empty:
        raise StudyError(
            f"the column {text} has no text at {empty[0]} ({len(empty):,} such rows)",
            "a text of each sample",
            "remove the rows",
        )
    parts = frames.parts_of(frames.optional(rows, split, "data.split"), files, named)
    learnt = [
        one for one, part in zip(written, parts or ["train"] * len(written), strict=True) if part == "train"
    ]
    trained = train_tokenizer(learnt, tokenizer, vocabulary, lowercase)
    trained.enable_truncation(length)
    trained.enable_padding(length=length, pad_id=0, pad_token=PAD)
    tokens = np.array([one.ids for one in trained.encode_batch(written)], np.int64)  # [n, length]
    words = [str(trained.id_to_token(number)) for number in range(trained.get_vocab_size())]
    if predict == "next_token" and inputs != "tokens":
        raise StudyError(
            "data.predict is next_token, and data.inputs counts", "tokens", "set data.inputs to tokens"
        )
    goes_on = predict == "next_token"
    return Samples(
        inputs=tokens if inputs == "tokens" else counts(tokens, len(words)),
        labels=next_tokens(tokens) if goes_on else frames.column(rows, label, "data.label"),
        names=named,
        parts=parts,
        groups=frames.optional(rows, group, "data.group"),
        kind="text",
        shown=written,
        columns=words,
        scaled=[False] * (length if inputs == "tokens" else len(words)),
        asks=TOKENS if goes_on else CLASS,
        outputs=words if goes_on else (),
        kept={"tokenizer.json": trained.to_str(pretty=True)},
    )


def train_tokenizer(learnt: Sequence[str], kind: str, vocabulary: int, lowercase: bool) -> Tokenizer:
    """Return a tokenizer trained on the texts ``learnt``; its token 0 is the padding, 1 stands for unknown words."""
    if find_spec("tokenizers") is None:
        raise StudyError(
            "data.name is texts, and the library tokenizers is not installed", "", f"run {INSTALL}"
        )
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # one order of equally frequent tokens
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    given: dict[str, Any] = {
        "vocab_size": vocabulary,
        "special_tokens": [PAD, UNKNOWN],
        "show_progress": False,
    }
    model: Any = models.WordLevel if kind == "words" else models.BPE
    trainer: Any = trainers.WordLevelTrainer if kind == "words" else trainers.BpeTrainer
    made = Tokenizer(model(unk_token=UNKNOWN))
    made.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), *([normalizers.Lowercase()] if lowercase else [])]
    )
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.train_from_iterator(learnt, trainer(**given))
    return made


def counts(tokens: np.ndarray, vocabulary: int) -> np.ndarray:
    """Return log(1 + count) of each token [n, v] float32, each row of length 1; padding (0) counts nothing.

    >>> counts(np.array([[1, 2, 2, 0]]), 3).astype(float).round(3).tolist()
    [[0.0, 0.534, 0.846]]
    """
    found = np.zeros((len(tokens), vocabulary), np.float32)
    np.add.at(found, (np.arange(len(tokens))[:, None], tokens), 1.0)
    found[:, 0] = 0.0
    found = np.log1p(found)
    length = np.linalg.norm(found, axis=1, keepdims=True)
    return (found / np.where(length > 0, length, 1.0)).astype(np.float32)
