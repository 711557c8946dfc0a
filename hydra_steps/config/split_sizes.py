"""How many samples each split of a run has: what a study asks for, of what the dataset has.

A study that asks for more samples than there are is refused where it is planned.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from hydra_steps.config.datasets import Dataset, dataset_of
from hydra_steps.config.sections import Data
from hydra_steps.config.whole_groups import whole_groups
from hydra_steps.errors import StudyError

# Of a part that several splits of described data are drawn from, where a study gives no numbers.
SHARES = {"validation": 0.1, "test": 0.2}


def split_sizes(
    entry: Dataset,
    train: int | None,
    validation: int | None,
    test: int | None,
    validation_from: str = "train",
    seed: int = 0,
) -> dict[str, int]:
    """Return the number of samples of each split, with ``None`` resolved.

    Of described data, ``None`` is a tenth of a part for validation and a fifth for the test, where training is drawn
    from it, too, and a number that whole groups have, where there are any (``seed`` decides which). Raises
    :class:`StudyError` naming the key, the value and the counts when a count is not a whole number ≥ 0, when two
    splits of one part are ``None``, or when more samples are asked for than there are.
    """
    asked: dict[str, Any] = {"train": train, "validation": validation, "test": test}
    _require_counts(asked)
    sizes: dict[str, int] = {}
    for part, there in entry.parts.items():
        splits = [split for split in asked if source_of(entry, split, validation_from) == part]
        if entry.described and len(splits) > 1:
            asked |= _shares(entry, part, {split: asked[split] for split in splits}, seed)
        sizes |= _resolved(entry.name, part, there, {split: asked[split] for split in splits})
    return sizes


def _require_counts(asked: Mapping[str, Any]) -> None:
    for split, count in asked.items():
        if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 0):
            raise StudyError(
                f"data.{split} is {count!r}",
                "a whole number of at least 0, or null",
                "change it in the config",
            )


def _resolved(data: str, part: str, there: int, asked: Mapping[str, int | None]) -> dict[str, int]:
    """Return the sizes of the splits that are taken from a part of so many samples; at most one may be ``None``."""
    given = {split: count for split, count in asked.items() if count is not None}
    open_ended = [split for split in asked if split not in given]
    if sum(given.values()) > there:
        listing = " + ".join(f"data.{split} {count}" for split, count in given.items())
        raise StudyError(
            f"{listing} asks for {sum(given.values())} samples of {data}",
            f"at most {there}, which is what its {part} part has",
            f"lower {' or '.join(f'data.{split}' for split in given)}",
        )
    if len(open_ended) > 1:
        raise StudyError(
            f"{' and '.join(f'data.{split}' for split in open_ended)} are null",
            f"at most one null among the splits taken from the {part} part of {data} ({there} samples)",
            "give a number of samples for the others",
        )
    return given | {split: there - sum(given.values()) for split in open_ended}


def group_wishes(
    entry: Dataset, part: str, asked: Mapping[str, int | None]
) -> tuple[dict[str, int], dict[str, bool]]:
    """Return how many samples each split takes from a part of described data, and whether that must be exact, in the
    order in which splits are drawn; training is what is left where nothing is ``asked``."""
    wanted: dict[str, int] = {}
    exact: dict[str, bool] = {}
    for split in (split for split in ("test", "validation", "train") if split in asked):
        count = asked[split]
        if count is None and split in SHARES and len(asked) > 1:
            wanted[split], exact[split] = max(1, math.floor(SHARES[split] * entry.parts[part])), False
        elif count is not None:
            wanted[split], exact[split] = count, True
    return wanted, exact


def _shares(entry: Dataset, part: str, asked: Mapping[str, int | None], seed: int) -> dict[str, int]:
    wanted, exact = group_wishes(entry, part, asked)
    groups = entry.groups.get(part)
    if groups is None:
        return wanted
    if sum(wanted.values()) > entry.parts[part]:
        return {}
    drawn = whole_groups(groups, wanted, exact, seed)
    return {split: sum(sum(groups[place]) for place in places) for split, places in drawn.items()}


def sizes_of(data: Data) -> dict[str, int]:
    """Return :func:`split_sizes` of a study's section ``data``."""
    return split_sizes(
        dataset_of(data), data.train, data.validation, data.test, data.validation_from, data.seed
    )


def source_of(entry: Dataset, split: str, validation_from: str = "train") -> str:
    """Return the part of the dataset that ``split`` is drawn from: its own, where there is one."""
    if split == "validation" and "validation" not in entry.parts:
        split = validation_from
    return split if split in entry.parts else "train"
