"""Numbers in the prose of the pages are those of the committed tables."""

from __future__ import annotations

import re
from functools import cache, partial

import pandas as pd
import pytest

from tests.pages.blocks import ROOT

Place = tuple[str, str, dict[str, object], str]  # folder, table, rows, column


def lds(folder: str, method: str, design: str = "groups") -> Place:
    rows: dict[str, object] = {"metric": "lds", "seed": "all", "query": "test_mean"}
    return folder, "counterfactual", rows | {"method": method, "design": design}, "value"


def mean_lds(folder: str) -> Place:
    rows: dict[str, object] = {"metric": "lds", "seed": "all", "query": "mean_over_queries"}
    return folder, "counterfactual", rows | {"method": "hydra_exact", "design": "groups"}, "value"


def of_size(method: str, design: str) -> Place:
    rows: dict[str, object] = {
        "metric": "lds",
        "seed": "all",
        "query": "mean_over_queries",
        "variant": "tanh",
    }
    return "values", "removal_sizes", rows | {"method": method, "design": design}, "value"


def remedied(variant: str) -> Place:
    rows: dict[str, object] = {
        "metric": "lds",
        "seed": "all",
        "query": "mean_over_queries",
        "variant": variant,
    }
    return "smoothness", "counterfactual", rows | {"method": "hydra_exact", "design": "groups"}, "value"


def auroc(folder: str, method: str) -> Place:
    rows: dict[str, object] = {"metric": "auroc", "seed": "all", "query": "validation_mean", "method": method}
    return folder, "detection", rows, "value"


def value(method: str, metric: str, variant: str = "large_steps") -> Place:
    rows: dict[str, object] = {"method": method, "metric": metric, "seed": "all", "variant": variant}
    return "shapley", "values", rows, "value"


def of_groups(folder: str, method: str, metric: str = "lds", **more: object) -> Place:
    """The mean over queries of a study's first design, of a method or of none."""
    rows = {"metric": metric, "seed": "all", "query": "mean_over_queries", "design": "groups", **more}
    return folder, "counterfactual", rows | ({"method": method} if method else {}), "value"


kinks = partial(of_groups, "kinks")
in_small_batches = partial(of_groups, "small_batches")
behind_batch_norm = partial(of_groups, "batch_norm", variant="b200")
summed = partial(of_groups, "additivity", variant="relu")


def full_size(column: str) -> Place:
    rows: dict[str, object] = {"method": "hydra_exact", "query": "test_mean", "group": 0}
    return "paper_mnist_check", "counterfactual_points", rows | {"design": "most_harmful_by_exact"}, column


def ablated(variant: str) -> Place:
    rows: dict[str, object] = {"metric": "lds", "seed": "all", "query": "mean_over_queries"}
    return "ablations", "ablations", rows | {"method": "hydra_hessian_free", "variant": variant}, "value"


def clock(method: str) -> Place:
    rows: dict[str, object] = {"axis": "main", "metric": "ratio_to_plain", "queries": 1, "variant": "tanh"}
    return "benchmark", "speed", rows | {"method": method}, "value"


LAST_LOSS: Place = (
    "paper_mnist_check",
    "training",
    {"metric": "test_loss", "seed": "all", "epoch": 20},
    "value",
)
# Page, words with the number in the place of {}, and where it stands.
SAID = [
    ("first_study", "exact HyDRA reaches {}, its", lds("quickstart", "hydra_exact")),
    ("first_study", "Hessian-free form {}, and", lds("quickstart", "hydra_hessian_free")),
    ("first_study", "random numbers {}. Is", lds("quickstart", "random")),
    ("first_study", "does best, at {}. It", auroc("quickstart", "final_loss")),
    ("first_study", "Exact HyDRA has {}. Pre", auroc("quickstart", "hydra_exact")),
    ("own_data", "| `table.yaml` | {} [", mean_lds("own_table")),
    ("own_data", "| `several_labels.yaml` | {} [", mean_lds("own_several_labels")),
    ("own_data", "| `images.yaml` | {} [", mean_lds("own_images")),
    ("own_data", "| `texts.yaml` | {} [", mean_lds("own_texts")),
    ("own_data", "| `language.yaml` | {} [", mean_lds("language")),
    ("own_data", "| `fine_tuning.yaml` | {} [", mean_lds("fine_tuning")),
    ("removals", "LDS falls from {} for 2 %", of_size("hydra_exact", "groups")),
    ("removals", "of the samples to {} for a half", of_size("hydra_exact", "groups_50")),
    ("removals", "centred HyDRA has {}. From", of_size("hydra_centred", "groups_50")),
    ("removals", "one centred score reaches {}, the", of_size("hydra_centred", "fresh_50")),
    ("removals", "the mean of four {}, of", of_size("centred_seeds", "fresh_50")),
    ("removals", "of sixteen {}; EK-FAC", of_size("centred_16", "fresh_50")),
    ("removals", "EK-FAC has {} at its best", of_size("ekfac_01", "fresh_50")),
    ("removals", "LDS from {} to", remedied("relu_max")),
    ("removals", "to {}. Average pooling", remedied("tanh_max")),
    ("removals", "exceed about {}; Banzhaf", summed("", "additive_ceiling")),
    ("removals", "over 32 runs has {} (", summed("banzhaf_32", "pearson")),
    ("removals", "(32 runs), and {} in smaller", in_small_batches("banzhaf_64")),
    ("removals", "a half has {} (16 runs)", behind_batch_norm("banzhaf_16")),
    ("removals", "kinks counted, {} of .997", behind_batch_norm("averaged_64_kinks", design="two_percent")),
    ("removals", "of {} ([batch norm]", behind_batch_norm("", "ceiling", design="two_percent")),
    ("removals", "ceiling of {}, the LDS", kinks("", "ceiling")),
    ("removals", "removals of 2 % is {} (exact", kinks("hydra_exact")),
    ("removals", "(exact), {} (averaged", kinks("averaged_64")),
    ("removals", "over 64 runs), {} (over 16", kinks("averaged_16_kinks")),
    ("removals", "counted) and {} (over 128)", kinks("averaged_128_kinks")),
    ("choose_method", "agreed with {} trainings", value("shapley_truth", "trainings")),
    ("choose_method", "at the cost of {}: to", value("hydra_integrated", "trainings")),
    ("choose_method", "to a correlation of {} where", value("hydra_integrated", "pearson", "small_steps")),
    ("choose_method", "small steps, and {} where", value("hydra_integrated", "pearson")),
    ("choose_method", "random orders, {} trainings", value("shapley_10", "trainings")),
    ("choose_method", "trainings, reached {} and", value("shapley_10", "pearson", "small_steps")),
    ("choose_method", "reached .83 and {}.", value("shapley_10", "pearson")),
    ("claims", "perfectly (AUROC {}). So", auroc("paper_mnist", "hydra_hessian_free")),
    ("claims", "influence functions ({}) and", auroc("paper_mnist", "influence_ekfac")),
    ("claims", "the plain loss ({}), which", auroc("paper_mnist", "final_loss")),
    ("claims", "labels badly (AUROC {})", auroc("paper_mnist_check", "hydra_exact")),
    ("claims", "loss falls from {} to", LAST_LOSS),
    ("claims", "That is by {}, where", full_size("-real")),
    ("claims", "where {} was predicted", full_size("-predicted")),
    ("claims", "the exact one (LDS {}). At", ablated("rate_0_003")),
    ("claims", "it does not ({}). See", ablated("rate_0_03")),
    ("claims", "exact HyDRA | {} |", clock("hydra_exact")),
    ("claims", "without the Hessian | {} |", clock("hydra_hessian_free")),
]


@cache
def table(folder: str, name: str) -> pd.DataFrame:
    return pd.read_csv(ROOT / "results/reference" / folder / "tables" / f"{name}.csv")


@pytest.mark.parametrize(("page", "words", "place"), SAID, ids=[words for _, words, _ in SAID])
def test_a_number_is_the_tables(page: str, words: str, place: Place) -> None:
    folder, name, rows, column = place
    text = " ".join((ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8").split())
    before, _, after = words.partition("{}")
    found = re.findall(rf"{re.escape(before)}([-−]?[\d,]*\.?\d+){re.escape(after)}", text)
    assert len(found) == 1, words
    frame = table(folder, name)
    for key, wanted in rows.items():
        frame = frame[frame[key] == wanted]
    values = set(frame[column.lstrip("-")] * (-1 if column.startswith("-") else 1))
    assert len(values) == 1, f"{words}: {len(values)} rows"
    said = found[0].replace("−", "-").replace(",", "")
    digits = len(said.partition(".")[2])
    assert f"{values.pop():.{digits}f}".replace("0.", ".", 1) == said.replace("0.", ".", 1)


def test_the_pictures_are_light() -> None:
    pictures = list((ROOT / "images").glob("*.png"))
    assert {path.name for path in pictures} == {"report.png", "explorer.png", "removals.png"}
    assert all(path.stat().st_size <= 200_000 for path in pictures)
