"""Write ``report.html``: a study as a small paper in one self-contained page, which opens offline.

Summary, set-up and findings are sentences made by rule from the tables and the configuration; figures are
embedded; tables sort and filter; configuration, versions and digests say how to repeat it. Nothing is loaded
from anywhere.
"""

from __future__ import annotations

import base64
import json
import platform
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from markupsafe import Markup

import hydra_steps
from hydra_steps.errors import StudyError
from hydra_steps.figures.captions import caption_text
from hydra_steps.figures.methods import methods_of_labels
from hydra_steps.figures.style import Style
from hydra_steps.registry import entries
from hydra_steps.report.captions import caption_html, plain_text
from hydra_steps.report.findings import claims, findings
from hydra_steps.report.headline import Column, headline_columns, headline_methods
from hydra_steps.report.overview import overview
from hydra_steps.report.render import render_page
from hydra_steps.report.setup import setup_sentences, title
from hydra_steps.report.study import Study
from hydra_steps.report.tables import TITLES, shown_table, table_name
from hydra_steps.tables.frames import read_tidy, variants

# Sections of the results in reading order: heading, findings, figures.
RESULTS = (
    ("Do the paper's claims hold?", (), ("claims",)),
    ("Training", ("training",), ("training",)),
    ("Label noise", ("noise",), ("noise",)),
    ("Does the score predict re-training?", ("counterfactual",), ("counterfactual", "prediction")),
    ("How far from exact HyDRA?", ("agreement", "smoothness"), ("agreement", "approximation", "stability")),
    ("Does the score find wrong labels?", ("detection", "contrast"), ("detection", "contributions")),
    ("Is training without what the score flags better?", ("removal",), ("removal",)),
    ("How few samples does a prediction hang on?", ("brittleness",), ("brittleness",)),
    (
        "What do contributions look like, sample by sample?",
        (),
        ("clustering", "embedding", "class_contributions", "extremes"),
    ),
    ("What do the scores depend on?", (), ("ablations",)),
    ("What does it cost?", ("cost",), ("timing", "cost")),
)
# Material for figures, not for reading.
LARGE = ("contributions", "counterfactual_points", "embedding", "class_contributions")
PACKAGES = ("torch", "numpy", "scipy", "pandas", "scikit-learn", "zarr", "matplotlib", "snakemake")
PICTURES = {".svg": "image/svg+xml", ".png": "image/png"}


@dataclass(frozen=True)
class Picture:
    """A figure on the page: its number, caption, alternative text, and content as a data URI."""

    name: str
    number: int
    caption: Markup
    alternative: str
    source: str
    files: str
    wide: bool


def write_report(
    *,
    config: str | Path,
    tables: Sequence[str | Path],
    figures: Sequence[str | Path],
    output: str | Path,
    manifests: Sequence[str | Path] = (),
    command: str | None = None,
) -> None:
    """Write the page.

    ``config``: the resolved ``config.yaml``. ``tables``: tidy CSV tables, told apart by their file names.
    ``figures``: picture files in any formats; of each name the svg is embedded, or the png. ``manifests``:
    ``manifest.json`` files of the runs, whose digests are listed. ``command``: how to make the study again. The same
    inputs and installed versions give the same bytes.
    """
    settings = _settings(config)
    data = {table_name(path): _read(path) for path in tables}
    look = Style.of(settings.get("figures"))
    tidy = {name: table for name, table in data.items() if {"variant", "seed"} <= set(table.columns)}
    present = {m for table in tidy.values() if "method" in table.columns for m in table["method"] if m}
    looks = look.methods(present, methods_of_labels(settings))
    labels = {method: looked.label for method, looked in looks.items()}
    registered = {
        label: str((options or {}).get("method", label))
        for label, options in (settings.get("methods") or {}).items()
    }
    names = sorted({v for table in tidy.values() for v in variants(table)}, key=lambda v: (v != "base", v))
    studies = {
        name: Study({key: table[table["variant"] == name] for key, table in tidy.items()}, labels, registered)
        for name in names or ["base"]
    }
    pictures = _pictures(figures, settings, Path(output).parent)
    headlines = {name: headline_columns(study) for name, study in studies.items()}
    content = {
        "study": settings.get("study", "study"),
        "title": title(settings),
        "setup": [Markup(caption_html(text)) for text in setup_sentences(settings) if text],
        "summary": [text for study in studies.values() for text in _summary(study)]
        if len(studies) == 1
        else [],
        "overview": overview(studies, headlines) if len(studies) > 1 else None,
        "remarks": [f.text for f in [*claims(data.get("claims")), *findings(Study(tidy, labels), ["seeds"])]],
        "headline": [_headline(name, columns, list(looks)) for name, columns in headlines.items()],
        "results": _results(studies, pictures),
        "labels": labels,
        "tables": [
            shown_table(name, data[name], f"tables/{name}.csv")
            for name in _in_order(data)
            if name not in LARGE
        ],
        "large": [(f"tables/{name}.csv", len(data[name])) for name in LARGE if name in data],
        "config": yaml.safe_dump(
            settings, sort_keys=False, default_flow_style=None, allow_unicode=True, width=88
        ),
        "versions": _versions(),
        "digests": _digests(manifests),
        "command": command or f"snakemake --cores all --configfile {config}",
    }
    path = Path(output)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_page(Path(__file__).parent, content), encoding="utf-8", newline="\n")


def _settings(path: str | Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise StudyError(
            f"the configuration {path} cannot be read: {error}", "a study's config.yaml"
        ) from error
    if not isinstance(found, dict):
        raise StudyError(f"the configuration {path} holds no settings", "a study's config.yaml")
    return found


def _read(path: str | Path) -> pd.DataFrame:
    return read_tidy(path, [])


def _summary(study: Study) -> list[str]:
    """Return the key findings in paragraphs: the run, prediction, detection, removal."""
    paragraphs = (
        ("training", "noise"),
        ("counterfactual", "smoothness", "agreement"),
        ("detection", "contrast"),
        ("removal", "brittleness"),
    )
    texts = [" ".join(f.text for f in findings(study, names) if f.key) for names in paragraphs]
    return [text for text in texts if text]


def _in_order(names: Iterable[str]) -> list[str]:
    reading = list(TITLES)
    return sorted(names, key=lambda name: (reading.index(name) if name in reading else len(reading), name))


def _headline(variant: str, columns: list[Column], order: list[str]) -> dict[str, Any]:
    return {"variant": variant, "columns": columns, "methods": headline_methods(columns, order)}


def _results(studies: Mapping[str, Study], pictures: Mapping[str, Picture]) -> list[dict[str, Any]]:
    sections: list[dict[str, Any]] = []
    used: set[str] = set()
    for heading, rules, shown in RESULTS:
        texts = [(name, [f.text for f in findings(study, rules)]) for name, study in studies.items()]
        chosen = [pictures[name] for name in shown if name in pictures]
        used.update(shown)
        if chosen or any(sentences for _, sentences in texts):
            sections.append({"heading": heading, "texts": texts, "pictures": chosen})
    others = [picture for name, picture in pictures.items() if name not in used]
    if others:
        sections.append({"heading": "Further figures", "texts": [], "pictures": others})
    return sections


def _pictures(figures: Sequence[str | Path], settings: Mapping[str, Any], folder: Path) -> dict[str, Picture]:
    """Return the pictures by name, numbered in reading order."""
    files: dict[str, dict[str, Path]] = {}
    for path in map(Path, figures):
        files.setdefault(path.stem, {})[path.suffix] = path
    known = entries("figure")
    reading = [name for _, _, shown in RESULTS for name in shown]
    order = [name for name in reading if name in files] + sorted(set(files) - set(reading))
    pictures: dict[str, Picture] = {}
    for name in order:
        suffix = next((suffix for suffix in PICTURES if suffix in files[name]), None)
        if suffix is None:
            continue  # a pdf alone cannot be embedded
        text = caption_text(known[name], settings) if name in known else name.replace("_", " ").capitalize()
        raw = files[name][suffix].read_bytes()
        content = base64.b64encode(raw).decode("ascii")
        pictures[name] = Picture(
            name,
            len(pictures) + 1,
            Markup(caption_html(text)),
            plain_text(text),
            f"data:{PICTURES[suffix]};base64,{content}",
            ", ".join(sorted(_relative(path, folder) for path in files[name].values())),
            _is_wide(raw),
        )
    return pictures


def _relative(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else path.name


def _is_wide(raw: bytes) -> bool:
    """Say whether a picture is wider than one column; a png, which does not tell its size in print, counts as wide."""
    width = re.search(rb'<svg[^>]*\swidth="([\d.]+)pt"', raw[:4000])
    return width is None or float(width[1]) > 72 * 4.0


def _versions() -> list[tuple[str, str]]:
    found = [("Python", platform.python_version()), ("hydra-steps", hydra_steps.__version__)]
    for package in PACKAGES:
        try:
            found.append((package, metadata.version(package)))
        except metadata.PackageNotFoundError:
            continue
    return found


def _digests(manifests: Sequence[str | Path]) -> list[tuple[str, str]]:
    found = []
    for path in map(Path, manifests):
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(content, dict) and content.get("digest"):
            found.append((str(path.parent), str(content["digest"])))
    return found
