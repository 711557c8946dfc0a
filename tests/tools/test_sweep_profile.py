"""Where a sweep's time goes: shares of PyTorch's operations, of a timing study that has run."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml

from hydra_steps.errors import StudyError
from tools.sweep_profile import shares, table

ROOT = Path(__file__).parents[2]


def test_shares_are_of_the_whole_and_the_largest_comes_first() -> None:
    big, small = torch.ones(400, 400), torch.ones(2, 2)
    found = shares(lambda: (big @ big, small + small))
    assert next(iter(found)) == "aten::mm"
    assert sum(found.values()) == pytest.approx(1)
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_a_study_that_has_not_run_is_refused(tmp_path: Path) -> None:
    study = yaml.safe_load((ROOT / "config/benchmark.yaml").read_text()) | {"results": str(tmp_path)}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
    with pytest.raises(StudyError, match="run make benchmark first"):
        table(str(tmp_path / "study.yaml"))


def test_the_table_has_a_training_and_a_sweep(trained: Path, tmp_path: Path) -> None:
    study = {
        "study": trained.parents[1].name,
        "results": str(trained.parents[2]),
        "seeds": [1],
        "data": {
            "name": "digits",
            "folder": str(trained / "data"),
            "train": 60,
            "validation": 20,
            "test": 30,
        },
        "model": {"name": "mlp", "hidden": [6]},
        "training": {"epochs": 2, "batch_size": 16, "optimizer": {"name": "sgd", "learning_rate": 0.1}},
        "methods": {"hydra_exact": {}},
        "benchmark": {"samples": 32, "epochs": 1},
    }
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study))
    lines = table(str(tmp_path / "study.yaml"))
    assert lines[0] == "mlp, layer rules:"
    for name in ("training", "exact, 1 query"):
        own = [line.split("|") for line in lines if line.startswith(f"| {name} |")]
        assert 3 <= len(own) <= 8
        assert 0 < sum(float(cells[3].strip().rstrip("%")) for cells in own) <= 100 + len(own)
