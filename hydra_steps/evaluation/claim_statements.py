"""The paper's claims: what is to be compared with what in which table, by :mod:`hydra_steps.evaluation.claims`.

Claims 5 and 6 are about speed: :mod:`hydra_steps.benchmark.speed_claims`. Torch-free.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

# Methods, whatever their labels.
PAPER, EXACT, PRACTICE = "hydra_hessian_free", "hydra_exact", "final_loss"
MEAN = "mean_over_queries"


@dataclass(frozen=True)
class Claim:
    """``metric`` in ``table``, of one query (or all of ``queries``), compared as ``kind`` says.

    ``rivals``: method − each influence function. ``limit``: the method's own value, small where it is at most
    ``limit``. ``nothing``: at each removed fraction, method − nothing removed.
    """

    number: str
    statement: str
    table: str
    metric: str
    measured: str
    kind: str = "rivals"
    limit: float = math.nan
    query: str = ""
    where: tuple[tuple[str, str], ...] = ()
    others: tuple[str, ...] = ()  # methods that are compared with as well, beside the influence functions
    pairs: bool = False  # the seeds' values share pairs of seeds


CLAIMS = (
    Claim(
        "1a",
        "Dropping the Hessian gives a small error",
        "agreement",
        "relative_error",
        "relative error of the contributions (small: at most half of them)",
        kind="limit",
        limit=0.5,
    ),
    Claim(
        "1a",
        "Dropping the Hessian gives a small error",
        "agreement",
        "sign_disagreement",
        "share of contributions with another sign (small: at most a tenth)",
        kind="limit",
        limit=0.1,
    ),
    Claim(
        "1b",
        "Without the Hessian, HyDRA is closer to exact HyDRA than influence functions are",
        "agreement",
        "spearman",
        "difference in rank correlation with exact HyDRA",
    ),
    Claim(
        "2",
        "HyDRA estimates data contribution better than influence functions",
        "counterfactual",
        "lds",
        "difference in LDS against re-training",
        query=MEAN,
        where=(("design", "groups"),),
    ),
    Claim(
        "3a",
        "HyDRA detects noisy labels better than influence functions",
        "detection",
        "auroc",
        "difference in AUROC",
        query="validation_mean",
        others=(PRACTICE,),
    ),
    Claim(
        "3b",
        "Removing what HyDRA flags improves the model",
        "removal",
        "test_accuracy",
        "change of the test accuracy by the removal",
        kind="nothing",
        where=(("side", "most_harmful"),),
    ),
    Claim(
        "4a",
        "HyDRA is more stable than influence functions along the training",
        "stability",
        "between_epochs",
        "difference in rank correlation between epochs",
    ),
    Claim(
        "4b",
        "HyDRA is more stable than influence functions from seed to seed",
        "stability",
        "between_seeds",
        "difference in rank correlation between seeds",
        pairs=True,
    ),
)
