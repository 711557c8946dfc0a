"""Keeping a study's small results beside the code: resolved configuration, tables, figures as png.

    python -m tools.reference config/<study>.yaml [--figures NAME …]

copies them from ``results/<study>/`` to ``results/reference/<study>/``, whose README.md is written by hand: the command
that made them, where, and what is in them. Of tables over 200 kB the rows over seeds stay (``seed`` = all); where these
are too many, those about single samples and classes go, too; what is still too large is material for figures.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from hydra_steps.config import load_study
from hydra_steps.csv_files import read_csv
from hydra_steps.errors import StudyError, reported
from hydra_steps.tables.queries import read_queries_table

SMALL = 200_000  # bytes
REFERENCE = Path("results/reference")


def keep_reference(results: Path, target: Path, figures: Sequence[str] | None = None) -> list[Path]:
    """Copy the small files of ``results`` to ``target`` and return what was copied; the README there stays.

    ``figures``: names to take, all for None. Raises :class:`StudyError` for results that are not whole, and for a
    figure that is not there.
    """
    found = {path.stem: path for path in sorted((results / "figures").glob("*.png"))}
    if not (results / "config.yaml").is_file() or not found:
        raise StudyError(
            f"{results} holds no finished study", "config.yaml and figures/", "run the study first"
        )
    if missing := [name for name in figures or [] if name not in found]:
        raise StudyError(f"{results}/figures has no {missing[0]}.png", f"one of {', '.join(found)}")
    for folder in ("tables", "figures"):
        shutil.rmtree(target / folder, ignore_errors=True)
        (target / folder).mkdir(parents=True)
    copied = []
    chosen = [results / "config.yaml", *(found[name] for name in figures or found)]
    for path in [*chosen, *sorted(one for one in (results / "tables").iterdir() if one.is_file())]:
        content = path.read_bytes()
        if path.name == "config.yaml":  # a file of weights stands there in full; here below the project
            content = content.replace(f"{Path.cwd()}/".encode(), b"")
        if path.suffix == ".csv" and len(content) > SMALL:
            content = _over_seeds(path)
        if path in chosen or 0 < len(content) <= SMALL:
            copied.append(target / path.relative_to(results))
            copied[-1].write_bytes(content)
    return copied


def _over_seeds(path: Path) -> bytes:
    """Return a table's rows over seeds, without single samples and classes where they are too many; nothing where it
    has none.
    """
    table = read_csv(path, dtype=str, missing=())
    if "seed" not in table.columns:
        return b""
    rows = table[table["seed"] == "all"]
    if len(_csv(rows)) > SMALL:
        if "query" in rows.columns:
            asked = read_queries_table(path.with_name("queries.csv"))
            rows = rows[[name not in asked or asked.is_mean(name) for name in rows["query"]]]
        if "label" in rows.columns:
            rows = rows[rows["label"] == ""]
    return _csv(rows) if len(rows) else b""


def _csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False, lineterminator="\n").encode()


def main() -> None:
    """Run the command; one message and exit code 1 where it cannot be done."""
    parser = argparse.ArgumentParser(prog="python -m tools.reference", description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument(
        "--figures", nargs="*", metavar="NAME", help="figures to take; all where it is left out"
    )
    asked = parser.parse_args()
    with reported():
        study = load_study(asked.config)
        name = str(study["study"])
        copied = keep_reference(Path(study["results"]) / name, REFERENCE / name, asked.figures)
    size = sum(path.stat().st_size for path in copied)
    print(f"{len(copied)} files, {size / 1e3:,.0f} kB, in {REFERENCE / name}")


if __name__ == "__main__":
    main()
