"""Write ``audit.html``, one page for the person who owns the data, and ``summary.json`` beside it.

What was found, how sure that is, and what to do; the first suspects as pictures; then the evidence. Opens offline.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hydra_steps.audit.blends import BLENDS
from hydra_steps.audit.decisions import data_version
from hydra_steps.audit.summary import summarise, write_summary
from hydra_steps.config.runs import audited_run, run_settings
from hydra_steps.config.study import Study, read_study
from hydra_steps.csv_files import read_csv
from hydra_steps.data.pictures import Shown
from hydra_steps.explorer.samples import read_samples
from hydra_steps.explorer.sprites import picture
from hydra_steps.figures.style import Style
from hydra_steps.report.chapters import findings
from hydra_steps.report.pictures import pictures
from hydra_steps.report.render import render_page
from hydra_steps.report.setup import title
from hydra_steps.report.variant_tables import VariantTables
from hydra_steps.report.words import interval, number, percent
from hydra_steps.tables.frames import read_tidy

PAGE = Path(__file__).parent / "audit"
EXAMPLES = 60  # suspects that are shown
PAIRS = 15
HELD_OUT = 10
HARMFUL = 10
LETTERS = 300  # of a text


def write_audit(
    *,
    config: str | Path,
    splits: str | Path,
    labels: str | Path,
    predictions: str | Path,
    tables: Sequence[str | Path],
    figures: Sequence[str | Path],
    output: str | Path,
    summary: str | Path,
) -> None:
    """Write the page and the summary of the study whose resolved ``config.yaml`` is given.

    ``splits``, ``labels`` and ``predictions`` are those of the audited run; ``tables``: ``audit_numbers.csv`` and what
    is beside it, ``audit_pairs.csv``, ``audit_held_out.csv``, and ``audit_proof.csv`` where there are decisions;
    ``figures``: the audit's. The same inputs give the same bytes.
    """
    study = read_study(config)
    settings = study.plain()
    found = {Path(path).stem: Path(path) for path in tables}
    numbers = read_tidy(found["audit_numbers"], ["metric", "value", "ci_low", "ci_high"])
    proof = read_tidy(found["audit_proof"], ["form", "metric"]) if "audit_proof" in found else None
    version = data_version(splits, labels)
    data = run_settings(settings, audited_run(settings).name).data
    train = read_samples(data, splits, labels, predictions)[0]["train"]
    shown = pictures(figures, settings, Path(output).parent)
    by_name = {"audit_numbers": numbers} | ({} if proof is None else {"audit_proof": proof})
    words = _labels(study)
    content = {
        "study": study.study,
        "title": title(study),
        "samples": int(numbers["n"].iloc[0]),
        "found": [one.text for one in findings(VariantTables(by_name, words), ("audit", "audit_proof"))],
        "look": int(numbers.loc[numbers["metric"] == "to_look_at", "value"].iloc[0]),
        "explorer": "explorer.html" if study.explorer.top else "",
        "decided": proof is not None,
        "examples": _examples(found["audit_suspects"], train.shown),
        "pairs": _pairs(found["audit_pairs"]),
        "held_out": _held_out(found["audit_held_out"]),
        "harmful": _harmful(found["audit_harmful"]),
        "methods": _methods(found["audit_methods"], words),
        "pictures": list(shown.values()),
        "copies": study.audit.copies,
        "rate": percent(study.audit.rate),
        "version": version,
    }
    path = Path(output)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_page(PAGE, content, ()), encoding="utf-8", newline="\n")
    write_summary(summarise(numbers, proof, version), summary)


def _labels(study: Study) -> dict[str, str]:
    methods = study.method_of
    looks = Style.of(study.figures.plain()).methods(methods, methods)
    return {label: look.label for label, look in looks.items()}


def _examples(suspects: Path, shown: Shown) -> list[dict[str, Any]]:
    """The first suspects, each with its picture as a data URI, or with its text."""
    table = read_csv(suspects, dtype={"label": str, "suggested": str}).sort_values("rank").head(EXAMPLES)
    rows = []
    for row in table.to_dict("records"):
        sample = int(row["sample"])
        told = {key: row[key] for key in ("rank", "sample", "label", "suggested")}
        chances = {key: percent(float(row[key])) for key in ("chance_wrong", "suggestion_probability")}
        look = {"picture": "", "text": "", "name": "" if shown.names is None else shown.names[sample]}
        if shown.pictures.size:
            content = base64.b64encode(picture(shown.pictures[sample])).decode("ascii")
            look["picture"] = f"data:image/png;base64,{content}"
        elif shown.texts is not None:
            look["text"] = shown.texts[sample][:LETTERS]
        rows.append({**told, **chances, **look})
    return rows


def _pairs(path: Path) -> list[dict[str, Any]]:
    """The first pairs of classes, numbers as text."""
    rows = read_csv(path, dtype={"label": str, "suggested": str}).head(PAIRS).to_dict("records")
    words = {"expected_wrong": number, "back": number}
    return [
        {**{str(k): v for k, v in row.items()}, **{key: word(float(row[key])) for key, word in words.items()}}
        for row in rows
    ]


def _harmful(path: Path) -> list[dict[str, Any]]:
    """The samples that harm most although their label is probably right, numbers as text."""
    columns = {"label": str, "name": str, "near_duplicates": str}
    rows = read_csv(path, dtype=columns).fillna({"name": "", "near_duplicates": ""}).head(HARMFUL)
    found = []
    for row in rows.to_dict("records"):
        told = {
            "chance_wrong": percent(float(row["chance_wrong"])),
            "gain_without": f"{float(row['gain_without']):.2g}",
        }
        found.append({**{str(k): v for k, v in row.items()}, **told})
    return found


def _held_out(path: Path) -> list[dict[str, Any]]:
    """The held-out samples that the model contradicts most."""
    text = {"label": str, "predicted": str, "name": str}
    rows = read_csv(path, dtype=text).fillna({"name": ""}).sort_values("rank", kind="stable")
    shown = rows.head(HELD_OUT).to_dict("records")
    return [
        {**{str(k): v for k, v in row.items()}, "probability": percent(float(row["probability"]))}
        for row in shown
    ]


def _methods(path: Path, words: dict[str, str]) -> list[dict[str, Any]]:
    """The methods compared, best first, numbers as text."""
    rows = []
    for row in read_tidy(path, ["method", "value", "over_plain", "chosen"]).to_dict("records"):
        name = str(row["method"])
        over = float(row["over_plain"])
        plain = (
            "" if np.isnan(over) else number(over) + interval(row["over_plain_low"], row["over_plain_high"])
        )
        precision = number(row["value"]) + interval(row["ci_low"], row["ci_high"])
        label = BLENDS.get(name, words.get(name, name))
        rows.append({"name": label, "precision": precision, "plain": plain, "chosen": bool(row["chosen"])})
    return rows
