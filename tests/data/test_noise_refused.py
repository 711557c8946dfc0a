"""Label noise that cannot be drawn, or read, is refused with one message that says why."""

from __future__ import annotations

import numpy as np
import pytest

from hydra_steps.config.datasets import dataset
from hydra_steps.config.matrices import check_matrix
from hydra_steps.data import draw_targets
from hydra_steps.data.tables import read_labels
from hydra_steps.errors import StudyError
from hydra_steps.registry import use_plugins
from hydra_steps.registry.plugins import VARIABLE

PAIR = [[0.8, 0.2, 0.0], [0.0, 0.7, 0.3]]


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("symetric", {}, r"noise\.kind: 'symetric' is unknown.*did you mean 'symmetric'"),
        ("symmetric", {"rate": 1.5}, r"noise\.rate is 1\.5.*from 0 to 1"),
        ("uniform", {"rate": -0.1}, r"noise\.rate is -0\.1"),
        ("pair_flip", {"rate": float("nan")}, r"noise\.rate is nan"),
        ("instance", {"rate": "0.2"}, r"noise\.rate is '0\.2'"),
        ("symmetric", {"rat": 0.2}, r"noise\.rat: 0\.2 .*did you mean 'rate'"),
        ("transition_matrix", {}, "noise.matrix is null; expected: 3 rows of 3"),
    ],
)
def test_wrong_options(kind, options, message):
    images = np.zeros((3, 1, 2, 2), dtype=np.float32)
    with pytest.raises(StudyError, match=message):
        draw_targets(np.zeros(3, dtype=np.int64), 3, kind, options, 0, images)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (None, "noise.matrix is null; expected: 3 rows of 3"),
        ([[1.0]], r"shape \(1, 1\)"),
        ([[1.0, 0.0, 0.0]] * 2, r"shape \(2, 3\)"),
        ([[1.0], [1.0, 0.0], [0.0]], "no table of numbers"),
        ([["a"] * 3] * 3, "no table of numbers"),
        ([0.2, 0.3, 0.5], "no table of numbers"),
        ("abc", "no table of numbers"),
        ([], "no table of numbers"),
        ([[1.2, -0.2, 0.0]] * 3, "negative"),
        ([[float("nan")] * 3] * 3, "not finite"),
        ([*PAIR, [0.5, 0.0, 0.4]], "row 2 .* adds up to 0.9"),
    ],
)
def test_what_is_no_transition_matrix_is_refused_where_a_study_is_planned_and_in_its_job(matrix, message):
    with pytest.raises(StudyError, match=message):
        check_matrix(matrix, 3)
    with pytest.raises(StudyError, match=message):
        draw_targets(np.zeros(3, dtype=np.int64), 3, "transition_matrix", {"matrix": matrix}, 0)


OWN = """\
import numpy as np
from hydra_steps.plugins import noise


@noise("first_ones", title="set to the first class")
def first_ones(clean, rate: float = 0.5, wrong: bool = False):
    labels = clean.targets.copy()
    labels[: round(rate * len(clean))] = clean.outputs if wrong else 0
    return labels


@noise("short")
def short(clean):
    return clean.targets[1:]
"""


def test_a_noise_of_ones_own_must_return_labels(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "")
    (tmp_path / "own.py").write_text(OWN)
    use_plugins(["own.py"], tmp_path)
    clean = np.asarray([1, 2, 1, 2])
    assert draw_targets(clean, 3, "first_ones", {}, 0).tolist() == [0, 0, 1, 2]
    assert draw_targets(clean, 3, "first_ones", {"rate": 0.75}, 0).tolist() == [0, 0, 0, 2]
    with pytest.raises(StudyError, match=r"own\.py:6: the noise first_ones returns int64 \(4,\) from 1 to 3"):
        draw_targets(clean, 3, "first_ones", {"wrong": True}, 0)
    with pytest.raises(StudyError, match=r"own\.py:13: the noise short returns int64 \(3,\)"):
        draw_targets(clean, 3, "short", {}, 0)


@pytest.mark.parametrize("broken", ["0,3,,\n1,4,4,0\n", "0,3,3,\n1,4,4,\n", "0,3,,0\n1,4,,0\n"])
def test_labels_that_are_known_of_some_samples_are_refused(tmp_path, broken):
    (tmp_path / "labels.csv").write_text("index,label,clean_label,is_noisy\n" + broken, encoding="utf-8")
    with pytest.raises(StudyError, match="that is no whole number"):
        read_labels(tmp_path / "labels.csv", dataset("mnist"))
