"""The results in chapters: which sentences and figures stand under which heading, as they declare it themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hydra_steps.registry import Entry, entries, load
from hydra_steps.report.variant_tables import Finding, VariantTables

# Headings in reading order; others that an entry declares follow them, those of figures without a chapter at the end.
HEADINGS = (
    "Do the paper's claims hold?",
    "Training",
    "Label noise",
    "Does the score predict re-training?",
    "How far from exact HyDRA?",
    "Does the score find wrong labels?",
    "Which labels are wrong?",
    "Is training without what the score flags better?",
    "How few samples does a prediction hang on?",
    "What do contributions look like, sample by sample?",
    "What do the scores depend on?",
    "What does it cost?",
)
FURTHER = "Further figures"


@dataclass(frozen=True)
class Chapter:
    """One section of the results: the names of its sentences and of its figures, in their order."""

    heading: str
    sentences: tuple[str, ...]
    figures: tuple[str, ...]


def chapters(figures: Iterable[str]) -> list[Chapter]:
    """Return the chapters in reading order; ``figures`` that nobody declared stand in the last one."""
    sentences, declared = entries("sentence"), entries("figure")
    strangers = tuple(sorted(set(figures) - set(declared)))
    named = [str(entry.traits["chapter"]) for entry in (*sentences.values(), *declared.values())]
    headings = dict.fromkeys([*HEADINGS, *(one for one in named if one not in ("", FURTHER)), FURTHER])
    return [
        Chapter(
            heading,
            _of(sentences, heading),
            _of(declared, heading) + (strangers if heading == FURTHER else ()),
        )
        for heading in headings
    ]


def findings(tables: VariantTables, names: Iterable[str]) -> list[Finding]:
    """Return what the named rules find in the tables, in that order."""
    return [finding for name in names for finding in load("sentence", name)(tables)]


def summary(tables: VariantTables) -> list[str]:
    """Return the key findings of one variant in the paragraphs that the rules declare."""
    paragraphs: dict[int, list[str]] = {}
    for name, entry in entries("sentence").items():
        if entry.traits["paragraph"]:
            paragraphs.setdefault(entry.traits["paragraph"], []).append(name)
    texts = [
        " ".join(finding.text for finding in findings(tables, names) if finding.key)
        for _, names in sorted(paragraphs.items())
    ]
    return [text for text in texts if text]


def remarks(tables: VariantTables) -> list[str]:
    """Return the sentences about the whole study, whose tables are given: those of rules without a chapter."""
    return [finding.text for finding in findings(tables, _of(entries("sentence"), ""))]


def _of(declared: Mapping[str, Entry], heading: str) -> tuple[str, ...]:
    return tuple(name for name, entry in declared.items() if entry.traits["chapter"] == heading)
