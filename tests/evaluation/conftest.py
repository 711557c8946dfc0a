"""Small studies on disk for the evaluation: score folders, labels and outcomes without any training."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hydra_steps.counterfactual.outcomes import write_outcomes
from hydra_steps.scoring.store import write_scores
from hydra_steps.tables.layout import Artifact
from tests.helpers.artifacts import located
from tests.helpers.queries import queries_named


class Study:
    """Writes the inputs of the evaluation below one folder, in the layout that the workflow has."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def scores(
        self,
        label,
        contribution,
        queries=("test_mean",),
        run="base-seed0",
        unit="query",
        tracked=None,
        **more,
    ) -> Artifact:
        path = self.folder / "runs" / run / "scores" / label
        about = {"method": label, "unit": unit, "trajectory_digest": "t", "data_digest": "d"} | more
        arrays = {} if tracked is None else {"tracked": np.asarray(tracked)}
        write_scores(
            path, np.atleast_2d(contribution).astype(np.float64), queries_named(queries), about, arrays
        )
        return located(path)

    def labels(self, is_noisy, run="base-seed0", clean=None, label=None) -> Artifact:
        path = self.folder / "runs" / run / "labels.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        n = len(is_noisy)
        table = pd.DataFrame({"index": range(n), "label": label if label is not None else [0] * n})
        table["clean_label"] = clean if clean is not None else [0] * n
        table["is_noisy"] = np.asarray(is_noisy, int)
        table.to_csv(path, index=False)
        return located(path)

    def outcomes(
        self,
        design,
        removed,
        change,
        queries=("test_mean",),
        run="base-seed0",
        first=0,
        batch=0,
        draws=None,
        **more,
    ) -> Artifact:
        path = self.folder / "runs" / run / "counterfactual" / design / str(batch)
        change = np.asarray(change, np.float64).reshape(len(removed), len(queries))
        base = np.full(len(queries), 0.5)
        about = {"design": design, "kind": "random_groups", "fraction": 0.1, "trajectory_digest": "t"} | more
        write_outcomes(
            path,
            queries=queries_named(queries),
            group=range(first, first + len(removed)),
            removed=[np.asarray(r) for r in removed],
            value=base + change,
            base_value=base,
            test_metric=np.full(len(removed), 0.9),
            final_loss=np.full(len(removed), 0.1),
            attributes=about,
            draws=None if draws is None else base + draws,
            base_draws=None if draws is None else np.tile(base, (len(draws), 1)),
        )
        return located(path)


@pytest.fixture
def study(tmp_path) -> Study:
    return Study(tmp_path)
