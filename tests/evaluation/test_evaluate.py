"""Any table by its name: the package's own, and those of a plug-in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hydra_steps.errors import StudyError
from hydra_steps.evaluation.evaluate import evaluate
from hydra_steps.registry import use_plugins
from hydra_steps.tables.tidy import columns_of, read_table
from tests.helpers.artifacts import RUNS

PLUGIN = '''
from hydra_steps.plugins import table
from hydra_steps.tables.tidy import make_table, write_table


@table("sizes", keys=["label"], also=["sizes_note.txt"])
def sizes(labels, output, sizes_note, factor: float = 1.0):
    """How many samples there are.

    Options:
        factor: Times their number.
    """
    rows = [one.run.columns | {"metric": "size", "value": factor * 3} for one in labels]
    write_table(make_table("sizes", rows), output)
    open(sizes_note, "w").write("made")
'''


def test_a_table_is_made_by_its_name(study, tmp_path: Path) -> None:
    scores = [study.scores("hydra_exact", [1.0, 2.0]), study.scores("other", [2.0, 1.0])]
    output = tmp_path / "tables" / "agreement.csv"
    evaluate("agreement", {"scores": [str(one.path) for one in scores]}, {"output": str(output)}, {}, RUNS)
    assert set(read_table(output)["method"]) == {"other"}


def test_an_option_that_a_study_sets_reaches_the_table(study, tmp_path: Path) -> None:
    noisy = np.array([True, False, False, True])
    inputs = {
        "scores": [str(study.scores("m", [1.0, 2, 3, 0]).path)],
        "labels": [str(study.labels(noisy).path)],
    }
    evaluate("detection", inputs, {"output": str(tmp_path / "d.csv")}, {"inspect": [0.25]}, RUNS)
    assert set(read_table(tmp_path / "d.csv")["fraction"].dropna()) == {0.25}


def test_a_plug_ins_table_has_its_own_columns(study, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(PLUGIN, encoding="utf-8")
    use_plugins([str(tmp_path / "mine.py")])
    try:
        outputs = {"output": str(tmp_path / "sizes.csv"), "sizes_note": str(tmp_path / "sizes_note.txt")}
        inputs = {"labels": [str(study.labels([True]).path)]}
        evaluate("sizes", inputs, outputs, {"factor": 2.0}, RUNS)
        table = read_table(tmp_path / "sizes.csv")
        assert tuple(table.columns) == columns_of("sizes")
        assert table["value"].tolist() == [6.0, 6.0]  # the run, and the mean over seeds
        assert (tmp_path / "sizes_note.txt").read_text() == "made"
    finally:
        use_plugins([])
    with pytest.raises(StudyError, match="'sizes' is unknown"):
        evaluate("sizes", {}, {}, {}, {})
