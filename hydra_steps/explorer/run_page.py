"""One run as the explorer shows it: facts as plain values, everything long as blocks.

For each query and method the samples at both ends, with their contributions and, where they were kept, these by epoch;
for the samples that are listed most the contributions to all queries; for every sample its labels, the model's
answer and the contribution to one query, by which suspects are ranked.
Index letters: m methods, q queries, s sides, k places, n training samples, d samples with a page of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hydra_steps.data.pictures import Shown
from hydra_steps.errors import StudyError
from hydra_steps.explorer.blocks import Blocks, scaled_halves
from hydra_steps.explorer.decide import FIRST, Suspects, add_suspects, compared_with, ranked_suspects
from hydra_steps.explorer.doubted import add_doubted
from hydra_steps.explorer.lists import HARMED, NONE, extreme_samples, listed_epochs, most_listed
from hydra_steps.explorer.samples import Samples
from hydra_steps.explorer.sprites import COLUMNS, ROWS, sprites
from hydra_steps.figures.methods import MethodStyle
from hydra_steps.queries.query import Query
from hydra_steps.scoring.store import Scores, read_scores
from hydra_steps.stores import read_extra
from hydra_steps.tables.queries import Queries

EVERYTHING = 5_000  # up to so many training samples, each has its picture and its contributions on the page
SUSPECTS = 200  # samples with the lowest contributions of each method that are worth a picture
PICTURE_BYTES = 6 * 10**6
LETTERS = 2_000  # of a sample's text
DETAIL_BYTES = 6 * 10**6


@dataclass(frozen=True)
class Method:
    """A label with its look and its scores on disk."""

    label: str
    look: MethodStyle
    folder: Path


def run_page(
    name: str,
    samples: Mapping[str, Samples],
    methods: Sequence[Method],
    top: int,
    blocks: Blocks,
    share: float = 1.0,
    judged: Suspects | None = None,
    doubted: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """Return the facts of the run ``name`` and add its arrays to ``blocks``, their names led by the run's.

    ``judged`` and ``doubted``: the training and the held-out suspects of an audit of the run, if there is one.
    ``top`` samples stand on each side of a list.
    ``share`` of the budgets for pictures and contributions is this run's. Memory: one method's contributions by epoch,
    4·e·q·n bytes, and everybody's [q, n].
    """
    train = samples["train"]
    n = len(train.shown.pictures)
    scores = [read_scores(method.folder) for method in methods]
    queries = _same_queries(name, methods, scores)
    main = Queries(queries).detection(query.name for query in queries)
    assert main is not None
    facts, lists = [], []
    for method, score in zip(methods, scores, strict=True):
        key = f"{name}/{method.label}"
        positions, values = extreme_samples(score.contribution, min(top, n), score.has_unit)
        blocks.add(f"{key}/sample", positions, "u4")
        blocks.add(f"{key}/value", values, "f4")
        blocks.add(f"{key}/main", score.of_query(main), "f4")
        by_epoch = read_extra(method.folder, "by_epoch")
        if by_epoch is not None:
            blocks.add(f"{key}/epochs", listed_epochs(by_epoch, positions), "f4")
        lists.append(positions)
        facts.append(_method_facts(method, score, 0 if by_epoch is None else len(by_epoch)))
    suspects = [
        extreme_samples(s.of_query(main)[None], min(SUSPECTS, n), signed=False)[0][:, HARMED] for s in scores
    ]
    decided = judged or ranked_suspects(scores[0].of_query(main), train)
    near = compared_with(decided, train)
    add_suspects(name, decided, near, blocks)
    budget = int(share * PICTURE_BYTES)
    held_out, beside = add_doubted(name, doubted, samples, LETTERS, budget, blocks)
    listed = most_listed([*lists, *suspects], n)
    first = decided.sample[:FIRST]
    pictured = np.concatenate(
        [first, near[near != NONE], beside[beside != NONE], listed, decided.sample]
    ).astype(np.int64)
    chosen = np.arange(n) if n <= EVERYTHING else np.array(list(dict.fromkeys(pictured.tolist())))
    detailed = _details(name, methods, scores, chosen, share, blocks)
    shown = _pictures(name, samples, queries, chosen, share, blocks)
    _columns(name, train, blocks)
    _texts(name, train.shown, chosen, share, blocks)
    height, width = train.shown.pictures.shape[2:]
    return {
        "name": name,
        "samples": n,
        "queries": [_query_facts(query, samples) for query in queries],
        "main": scores[0].names.index(main),
        "methods": facts,
        "detailed": detailed,
        "doubted": held_out,
        "pictured": shown,
        "named": train.shown.names is not None,
        "texts": train.shown.texts is not None,
        "tile": {"width": width, "height": height, "columns": COLUMNS, "rows": ROWS},
    }


def _same_queries(name: str, methods: Sequence[Method], scores: Sequence[Scores]) -> tuple[Query, ...]:
    first = scores[0].queries
    for method, score in zip(methods, scores, strict=True):
        if score.queries != first:
            raise StudyError(
                f"the scores {method.label} of {name} answer other queries than {methods[0].label}",
                "the same queries in all scores of a run",
                f"delete {method.folder} and run the study again",
            )
    return first


def _method_facts(method: Method, score: Scores, epochs: int) -> dict[str, Any]:
    return {
        "label": method.label,
        "words": method.look.label,
        "colour": method.look.colour,
        "unit": score.has_unit,
        "epochs": epochs,
        "status": score.attributes.get("status", "scored"),
        "tracked": None if score.tracked is None else len(score.tracked),
    }


def _query_facts(query: Query, samples: Mapping[str, Samples]) -> dict[str, Any]:
    """What the page says about a query: its sample's labels and answer, or the mean loss that it asks about."""
    facts = {"name": query.name, "words": query.words, "quantity": query.quantity, "single": query.is_single}
    answers = samples[query.split].answers
    if query.is_single:
        row = answers.iloc[query.position]
        source = int(samples[query.split].source[query.position])
        facts |= {"split": query.split, "position": query.position, "source": source}
        shown = samples[query.split].shown
        facts |= {"sample": shown.names[query.position]} if shown.names is not None else {}
        facts |= {"text": shown.texts[query.position][:LETTERS]} if shown.texts is not None else {}
        facts |= {key: int(row[key]) for key in ("label", "predicted")}
        return facts | {key: float(row[key]) for key in ("probability", "loss") if key in row}
    about = answers if query.is_mean else answers[answers["label"] == query.index]
    facts |= {"loss": float(about["loss"].mean()), "size": len(about)}
    if "probability" not in about:  # no class: an answer is not right or wrong
        return facts
    return facts | {"accuracy": float((about["label"] == about["predicted"]).mean())}


def _details(
    name: str,
    methods: Sequence[Method],
    scores: Sequence[Scores],
    chosen: np.ndarray,
    share: float,
    blocks: Blocks,
) -> int:
    """Keep the contributions of as many selected samples to all queries, by all methods, as the budget allows."""
    each = 2 * len(scores) * len(scores[0].queries)
    kept = chosen[: int(share * DETAIL_BYTES) // each]
    blocks.add(f"{name}/detailed", kept, "u4")
    for method, score in zip(methods, scores, strict=True):
        halves, power = scaled_halves(score.contribution[:, kept].T)  # [d, q]
        blocks.add(f"{name}/{method.label}/detail", halves, "f2")
        blocks.add(f"{name}/{method.label}/power", np.array([power]), "f4")
    return len(kept)


def _pictures(
    name: str,
    samples: Mapping[str, Samples],
    queries: Sequence[Query],
    chosen: np.ndarray,
    share: float,
    blocks: Blocks,
) -> int:
    """Keep the pictures of the queries' samples, and of as many selected training samples as the budget allows."""
    if not samples["train"].shown.pictures.size:  # rows or texts
        blocks.add(f"{name}/pictured", chosen[:0], "u4")
        return 0
    asked = [fact for fact in (_query_facts(query, samples) for query in queries) if fact["single"]]
    if asked:
        images = np.stack([samples[fact["split"]].shown.pictures[fact["position"]] for fact in asked])
        files, _ = sprites(images, PICTURE_BYTES)
        for number, file in enumerate(files):
            blocks.add_bytes(f"{name}/asked/{number}", file)
    files, shown = sprites(samples["train"].shown.pictures[chosen], int(share * PICTURE_BYTES))
    for number, file in enumerate(files):
        blocks.add_bytes(f"{name}/picture/{number}", file)
    blocks.add(f"{name}/pictured", chosen[:shown], "u4")
    return shown


def _texts(name: str, shown: Shown, chosen: np.ndarray, share: float, blocks: Blocks) -> None:
    """Keep all names of the training samples, and the texts of as many selected ones as the budget allows."""
    if shown.names is not None:
        blocks.add_json(f"{name}/names", list(shown.names))
    if shown.texts is not None:
        texts = {int(at): shown.texts[at][:LETTERS] for at in chosen}
        used = np.cumsum([len(text.encode()) for text in texts.values()])
        kept = int((used <= share * PICTURE_BYTES).sum())
        blocks.add_json(f"{name}/texts", dict(list(texts.items())[:kept]))


def _columns(name: str, train: Samples, blocks: Blocks) -> None:
    """Keep what is known of every training sample."""
    blocks.add(f"{name}/source", train.source, "u4")
    classes = {"label": train.answers["label"], "clean": train.clean, "predicted": train.answers["predicted"]}
    if train.clean is None:  # no column: the page then says nothing about wrong labels
        del classes["clean"]
    for column, values in classes.items():
        numbers = np.asarray(values)
        blocks.add(f"{name}/{column}", numbers, "u1" if numbers.max(initial=0) < 256 else "u4")
    blocks.add(f"{name}/loss", train.answers["loss"].to_numpy(), "f4")
