"""Rows of summary tables from which sentences are made, and what these say of them."""

from __future__ import annotations

import pandas as pd

from hydra_steps.report.chapters import findings
from hydra_steps.report.variant_tables import VariantTables
from tests.helpers.variant_tables import variant_tables

NAN = float("nan")


def study(registered=None, **tables) -> VariantTables:
    """Make a study of summary rows (seed = all) from lists of dicts, one list per table."""
    frames = {}
    for name, rows in tables.items():
        base = {
            "variant": "base",
            "run": "base",
            "seed": "all",
            "method": "",
            "query": "",
            "n": 40,
            "sd_seeds": NAN,
        }
        frames[name] = pd.DataFrame([base | {"ci_low": NAN, "ci_high": NAN} | row for row in rows])
    return variant_tables(frames, registered)


def lds(method, value, low=NAN, high=NAN, query="test_mean", metric="lds"):
    return {
        "method": method,
        "query": query,
        "metric": metric,
        "value": value,
        "ci_low": low,
        "ci_high": high,
    }


def said(made: VariantTables, *names: str) -> str:
    return " ".join(finding.text for finding in findings(made, names))


def auroc(method, value, low=NAN, high=NAN):
    return lds(method, value, low, high, "validation_mean", "auroc")
