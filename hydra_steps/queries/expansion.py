"""From a study's list of queries to the single ones: how many there are, what each is called. No numpy, no torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hydra_steps.errors import StudyError
from hydra_steps.queries.query import Query
from hydra_steps.registry import Entry, find

_COMMON = ("kind", "split", "samples", "count")  # the keys of every kind


def expand(
    specs: Sequence[Mapping[str, Any]], classes: int, sizes: Mapping[str, int], names: Sequence[str] = ()
) -> list[Query]:
    """Return the queries of a study's section ``queries``, in its order.

    ``sizes``: samples by split; ``names``: of the classes, for the queries' words. Raises :class:`StudyError` for an
    unknown kind, keys that the kind does not take, a position outside its split, an empty split, and a query that
    comes twice.

    >>> [query.name for query in expand([{"kind": "sample_loss", "count": 2}], 10, {"test": 60})]
    ['test_sample_0', 'test_sample_1']
    """
    queries = [
        query
        for i, spec in enumerate(specs)
        for query in _expand(spec, classes, sizes, names, f"queries[{i}]")
    ]
    seen: set[str] = set()
    for query in queries:
        if query.name in seen:
            raise StudyError(
                f"queries: {query.name} is asked for twice", "each query once", "remove the repetition"
            )
        seen.add(query.name)
    return queries


def with_defaults(spec: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return an entry of ``queries`` with its kind's options filled in; :class:`StudyError` for another kind's."""
    entry = find("query", spec["kind"], f"{where}.kind")
    for key in spec:
        if key not in _COMMON and key not in entry.options:
            raise StudyError(
                f"{where}.{key}: {spec[key]!r} has no meaning for kind {entry.name}",
                f"an option of {entry.name}: {', '.join(entry.options) or 'it has none'}",
                f"remove {where}.{key}, or choose another kind",
            )
    return dict(spec) | {key: value for key, value in entry.defaults().items() if key not in spec}


def splits_by_class(specs: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the splits whose every class a study's section ``queries`` asks about.

    >>> splits_by_class([{"kind": "class_loss", "split": "test"}, {"kind": "mean_loss", "split": "train"}])
    ['test']
    """
    classed = (spec for spec in specs if find("query", spec["kind"]).traits["over"] == "class")
    return list(dict.fromkeys(str(spec.get("split", "test")) for spec in classed))


def _expand(
    spec: Mapping[str, Any], classes: int, sizes: Mapping[str, int], names: Sequence[str], where: str
) -> Iterable[Query]:
    entry = find("query", spec["kind"], f"{where}.kind")
    split = spec.get("split", "test")
    if not sizes[split]:
        raise StudyError(
            f"{where}: the {split} split is empty",
            "at least 1 sample",
            f"raise data.{split}, or drop the query",
        )
    options = {key: value for key, value in with_defaults(spec, where).items() if key not in _COMMON}
    for index in _indices(spec, entry, classes, sizes[split], where):
        yield _query(entry, split, index, options, names)


def _indices(
    spec: Mapping[str, Any], entry: Entry, classes: int, size: int, where: str
) -> Iterable[int | None]:
    over, split = entry.traits["over"], spec.get("split", "test")
    given = [key for key in ("samples", "count") if spec.get(key) is not None]
    if over != "sample":
        if given:
            raise StudyError(
                f"{where}.{given[0]}: {spec[given[0]]!r} has no meaning for kind {entry.name}",
                "",
                f"remove {where}.{given[0]}, or set {where}.kind to sample_loss",
            )
        if over == "class" and size < classes:
            raise StudyError(
                f"{where}: the {split} split has {size} samples for {classes} classes, so that a class has none",
                "at least 1 sample of each class",
                f"raise data.{split}, or drop the query",
            )
        return [None] if over == "split" else range(classes)
    if len(given) != 1:
        raise StudyError(
            f"{where}: {dict(spec)} has {' and '.join(given) or 'neither samples nor count'}",
            "exactly one of samples and count",
            f"give {where} either samples: [positions] or count: number",
        )
    if given == ["count"]:
        if spec["count"] > size:
            raise StudyError(
                f"{where}.count: {spec['count']}",
                f"at most {size}, the {split} samples",
                f"lower {where}.count",
            )
        return range(spec["count"])
    for position in spec["samples"]:
        if not 0 <= position < size:
            raise StudyError(
                f"{where}.samples: {position} is no position in the {split} split",
                f"0 to {size - 1}",
                f"change {where}.samples, or raise data.{split}",
            )
    return list(spec["samples"])


# As the words say it; names keep the short form.
_SPLITS = {"train": "training"}


def _query(
    entry: Entry, split: str, index: int | None, options: Mapping[str, Any], names: Sequence[str]
) -> Query:
    traits = entry.traits
    called = names[index] if traits["over"] == "class" and index is not None and names else index
    return Query(
        name=traits["label"].format(split=split, index=index, **options),
        kind=entry.name,
        over=traits["over"],
        split=split,
        index=index,
        words=traits["words"].format(split=_SPLITS.get(split, split), index=called, **options),
        quantity=traits["quantity"],
        options=options,
    )
