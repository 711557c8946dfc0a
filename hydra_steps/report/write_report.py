"""Write ``report.html``: a study as a small paper in one self-contained page, which opens offline.

Summary, set-up and findings are sentences made by rule from the tables and the configuration; figures are
embedded; tables sort and filter; configuration, versions and digests say how to repeat it. Nothing is loaded
from anywhere.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from markupsafe import Markup

import hydra_steps
from hydra_steps.config.study import Study, read_study
from hydra_steps.config.target_checks import study_targets
from hydra_steps.config.targets import worded
from hydra_steps.figures.style import Style
from hydra_steps.json_files import TEXT, read_json
from hydra_steps.report.captions import caption_html
from hydra_steps.report.chapters import chapters, findings, remarks, summary
from hydra_steps.report.digest import digest_of_study
from hydra_steps.report.headline import headline_columns, headline_methods
from hydra_steps.report.overview import overview
from hydra_steps.report.pictures import Picture, pictures
from hydra_steps.report.render import render_page
from hydra_steps.report.setup import setup_sentences, title
from hydra_steps.report.tables import in_reading_order, is_large, shown_table, table_name
from hydra_steps.report.variant_tables import VariantTables
from hydra_steps.tables.frames import read_tidy, variants
from hydra_steps.tables.queries import Queries, read_queries_table

PACKAGES = ("torch", "numpy", "scipy", "pandas", "scikit-learn", "zarr", "matplotlib", "snakemake")


def write_report(
    *,
    config: str | Path,
    tables: Sequence[str | Path],
    figures: Sequence[str | Path],
    output: str | Path,
    manifests: Sequence[str | Path] = (),
    command: str | None = None,
    left_over: str = "",
) -> None:
    """Write the page.

    ``config``: the resolved ``config.yaml``. ``tables``: tidy CSV tables, told apart by their file names.
    ``figures``: picture files in any formats; of each name the svg is embedded, or the png. ``manifests``:
    ``manifest.json`` files of the runs, whose digests are listed. ``command``: how to make the study again.
    ``left_over``: the sentence about files of an earlier form of the study, if there are any. The same inputs and
    installed versions give the same bytes.
    """
    study = read_study(config)
    settings = study.plain()
    asks = study_targets(settings)
    data = {table_name(path): _read(path) for path in tables}
    whole, order = _whole(data, study, tables)
    by_variant = _by_variant(whole)
    headlines = {name: headline_columns(own, asks) for name, own in by_variant.items()}
    several, reading = len(by_variant) > 1, in_reading_order(data)
    content = {
        "study": study.study,
        "title": worded(title(study), asks),
        "setup": [Markup(caption_html(worded(text, asks))) for text in setup_sentences(study) if text],
        "summary": []
        if several
        else [worded(text, asks) for own in by_variant.values() for text in summary(own)],
        "overview": overview(by_variant, headlines) if several else None,
        "remarks": [*(worded(text, asks) for text in remarks(whole)), *filter(None, [left_over])],
        "headline": [
            {"variant": name, "columns": columns, "methods": headline_methods(columns, order)}
            for name, columns in headlines.items()
        ],
        "results": _results(by_variant, pictures(figures, settings, Path(output).parent), asks),
        "labels": whole.labels,
        "tables": [
            shown_table(name, data[name], f"tables/{name}.csv", asks)
            for name in reading
            if not is_large(name)
        ],
        "large": [(f"tables/{name}.csv", len(data[name])) for name in reading if is_large(name)],
        "config": yaml.safe_dump(
            settings, sort_keys=False, default_flow_style=None, allow_unicode=True, width=88
        ),
        "versions": _versions(),
        "digest": digest_of_study(config, tables, [Path(path).parent for path in manifests]),
        "digests": _digests(manifests),
        "command": command or f"snakemake --cores all --configfile {config}",
    }
    path = Path(output)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_page(Path(__file__).parent, content), encoding="utf-8", newline="\n")


def _whole(
    data: Mapping[str, pd.DataFrame], study: Study, tables: Sequence[str | Path]
) -> tuple[VariantTables, list[str]]:
    """Return all tables with what the names in them mean, and the methods' labels in the order of the figures."""
    listed = [read_queries_table(path) for path in tables if table_name(path) == "queries"]
    methods = study.method_of
    present = {m for table in _tidy(data).values() if "method" in table.columns for m in table["method"] if m}
    looks = Style.of(study.figures.plain()).methods(present, methods)
    labels = {label: look.label for label, look in looks.items()}
    return VariantTables(data, labels, methods, listed[0] if listed else Queries(())), list(looks)


def _by_variant(whole: VariantTables) -> dict[str, VariantTables]:
    """Return the tidy tables of each variant, ``base`` first."""
    tidy = _tidy(whole.by_name)
    names = sorted({v for table in tidy.values() for v in variants(table)}, key=lambda v: (v != "base", v))
    return {
        name: replace(whole, by_name={key: table[table["variant"] == name] for key, table in tidy.items()})
        for name in names or ["base"]
    }


def _tidy(data: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    return {name: table for name, table in data.items() if {"variant", "seed"} <= set(table.columns)}


def _read(path: str | Path) -> pd.DataFrame:
    return read_tidy(path, [])


def _results(
    by_variant: Mapping[str, VariantTables], shown: Mapping[str, Picture], asks: str
) -> list[dict[str, Any]]:
    """Return the chapters that have a sentence about some variant or a figure."""
    sections = []
    for chapter in chapters(shown):
        texts = [
            (name, [worded(f.text, asks) for f in findings(own, chapter.sentences)])
            for name, own in by_variant.items()
        ]
        chosen = [shown[name] for name in chapter.figures if name in shown]
        if chosen or any(sentences for _, sentences in texts):
            sections.append({"heading": worded(chapter.heading, asks), "texts": texts, "pictures": chosen})
    return sections


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
        content = read_json(path, {"digest": TEXT}, f"delete {path.parent} and run the study again")
        found.append((str(path.parent), content["digest"]))
    return found
