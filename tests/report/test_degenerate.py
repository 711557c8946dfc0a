"""Every sentence of the report over the smallest studies: one method, one seed, one query, or nothing measured."""

from __future__ import annotations

import re
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hydra_steps.config import resolve_study
from hydra_steps.config.study import Study
from hydra_steps.registry import names
from hydra_steps.report.chapters import findings
from hydra_steps.report.findings import claims
from hydra_steps.report.headline import headline_columns
from hydra_steps.report.overview import overview
from hydra_steps.report.setup import setup_sentences, title
from hydra_steps.report.variant_tables import VariantTables
from hydra_steps.tables.frames import read_tidy
from tests.helpers.figure_tables import Tables
from tests.helpers.variant_tables import variant_tables

RULES = names("sentence")
# What no sentence may have, whatever the tables hold.
FAULTS = {
    "empty brackets": r"\(\s*\)|\[\s*\]",
    "a stop or comma beside a bracket": r"[(\[]\s*[;,.:]|[;,:]\s*[)\]]",
    "two marks in a row": r"[;,:.]\s*[;,:.](?!\d)",
    "a blank too many": r"  | [.,;:)\]]|[(\[] ",
    "a plural of one": r"(?<![\d.,])\b(?:1|one) (?!is\b|has\b|class\b|loss\b)[a-z-]+s\b",
    "a number that is none": r"(?i)\bnan\b|\bnone\b|undefined|\binf\b|(?<![\d.,])0 (?:samples|groups|methods|fresh)",
    "all of one": r"(?i)\ball (?:1|one|2)\b(?![,.]\d)",
    "the first of one": r"of 1 method\b",
    "several, and one named": r"(?i)the others(?:' medians)?: [^,]*$",
}
# Words that need somebody to be compared with.
COMPARING = r"\b(?:best|highest|lowest|closest|comes first|smallest groups|no method|behind|the other)\b"
SEEDS = {"one seed": (3,), "three seeds": (0, 1, 2)}
METHODS = {
    "nothing but chance": ("random",),
    "exact alone": ("hydra_exact",),
    "a baseline alone": ("final_loss",),
    "two": ("hydra_exact", "final_loss"),
    "three": ("hydra_hessian_free", "final_loss", "random"),
}
QUERIES = {
    "one": ("test_sample_1",),
    "two": ("test_mean", "validation_mean"),
}
NAMES = (
    *("training", "noise", "agreement", "detection", "counterfactual", "removal", "brittleness", "timing"),
    "smoothness",
)


def _smoothness(folder: Path, seeds: tuple[int, ...]) -> Path:
    rows = [
        f"base,base-seed{s},{s},hydra_exact,all,{metric},{step},1,{value}"
        for s in seeds
        for metric, step, value in (("smooth", 0.1, 1), ("relative_error", 0.1, 0.02))
    ]
    rows += ["base,base,all,hydra_exact,all,relative_error,0.1,1,0.02"]
    path = folder / "smoothness.csv"
    path.write_text("\n".join(["variant,run,seed,method,query,metric,step,n,value", *rows]) + "\n")
    return path


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Return a function of seeds, methods and queries that makes a study's tables, each once."""
    return cache(lambda *shape: _tables(tmp_path_factory.mktemp("study"), *shape))


def _tables(folder: Path, seeds, methods, queries) -> dict[str, pd.DataFrame]:
    """Write the tables of a made-up study and read them as the report does."""
    made = Tables(folder, seeds=seeds, methods=methods, queries=queries)
    paths = {
        name: _smoothness(folder, seeds) if name == "smoothness" else getattr(made, name)() for name in NAMES
    }
    return {name: read_tidy(path, []) for name, path in paths.items()}


def sentences(study: VariantTables) -> list[tuple[str, str]]:
    found = [(name, finding.text) for name in RULES for finding in findings(study, [name])]
    columns = headline_columns(study)
    cells = overview({"base": study}, {"base": columns})
    found += [("headline", column.meaning) for column in columns]
    return found + [("overview", text) for _, row in cells.rows for text in row if text]


def faults(text: str) -> list[str]:
    plain = text.replace("\u00a0", " ")
    found = [name for name, pattern in FAULTS.items() if re.search(pattern, plain)]
    if plain.count("(") != plain.count(")") or plain.count("[") != plain.count("]"):
        found.append("a bracket that is not closed")
    return found


def check(found: list[tuple[str, str]]) -> None:
    wrong = [(name, text, faults(text)) for name, text in found if faults(text)]
    assert not wrong


def _nothing(frames):
    return {name: frame.iloc[:0] for name, frame in frames.items()}


def _no_values(frames):
    return {name: frame.assign(value=np.nan, ci_low=np.nan, ci_high=np.nan) for name, frame in frames.items()}


def _no_intervals(frames):
    return {
        name: frame.assign(ci_low=np.nan, ci_high=np.nan, sd_seeds=np.nan) for name, frame in frames.items()
    }


def _no_counts(frames):
    return {name: frame.assign(n=np.nan) for name, frame in frames.items()}


def _one_of_each(frames):
    return {name: frame.assign(n=1) for name, frame in frames.items()}


def _all_equal(frames):
    return {name: frame.assign(value=1.0, ci_low=1.0, ci_high=1.0) for name, frame in frames.items()}


def _no_controls(frames):
    cut = dict(frames)
    for name in ("removal", "brittleness"):
        cut[name] = frames[name][~frames[name]["method"].isin(("random_order", "oracle"))]
    cut["removal"] = cut["removal"][cut["removal"]["fraction"] > 0]
    return cut


CHANGES = {
    "as they are": lambda frames: frames,
    "no rows": _nothing,
    "no values": _no_values,
    "no intervals": _no_intervals,
    "no counts": _no_counts,
    "counts of one": _one_of_each,
    "all values equal": _all_equal,
    "no controls": _no_controls,
}


def _shapes() -> list[tuple[str, ...]]:
    """All studies as they are, and with each change half of them, such that it meets any two of their sizes."""
    places = [[*enumerate(names)] for names in (CHANGES, SEEDS, METHODS, QUERIES)]
    chosen = [zip(*each, strict=True) for each in product(*places)]
    return [names for at, names in chosen if at[0] == 0 or sum(at) % 2 == 0]


@pytest.mark.parametrize(("change", "seeds", "methods", "queries"), _shapes(), ids=lambda name: name)
def test_no_sentence_is_broken(tables, change, seeds, methods, queries):
    frames = CHANGES[change](tables(SEEDS[seeds], METHODS[methods], QUERIES[queries]))
    check(sentences(variant_tables(frames)))


@pytest.mark.parametrize("name", NAMES)
def test_each_table_alone(tables, name):
    frames = tables((0,), METHODS["two"], QUERIES["one"])
    check(sentences(variant_tables({name: frames[name]})))
    assert findings(VariantTables({}), RULES) == []


@pytest.mark.parametrize("method", ["random", "hydra_exact", "final_loss"])
@pytest.mark.parametrize("change", CHANGES)
def test_one_method_is_compared_with_nobody(tables, method, change):
    frames = CHANGES[change](tables((0, 1, 2), (method,), QUERIES["two"]))
    for rule in ("counterfactual", "agreement", "detection", "removal", "brittleness", "contrast"):
        for finding in findings(variant_tables(frames), [rule]):
            assert not re.search(COMPARING, finding.text, re.IGNORECASE), finding.text


@pytest.mark.parametrize(
    "verdict", ["holds", "does not hold", "undecided", "holds in 1 of 2: base against influence_cg"]
)
def test_claims_are_whole_sentences(verdict):
    row = {"claim": "2", "statement": "It is better", "against": "all", "verdict": verdict}
    check([("claims", finding.text) for finding in claims(VariantTables({"claims": pd.DataFrame([row])}))])


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"seeds": [0]},
        {"training": {"epochs": 1}},
        {"variants": {"only": {}}},
        {"variants": {"one": {"noise": {"rate": 0.5}}, "other": {}}},
        {"noise": {"kind": "none"}},
        {"noise": {"kind": "unknown"}},
        {"counterfactual": {"groups": 2}},
    ],
    ids=str,
)
def test_the_set_up_is_whole_sentences(changed):
    settings = Study.of(resolve_study({"study": "made-up"} | changed))
    check([("set-up", text) for text in [*setup_sentences(settings), title(settings)] if text])
