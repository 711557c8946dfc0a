"""What is known of datasets where a study is planned: read from declarations, without numpy."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hydra_steps.config.datasets import dataset, padded_shape
from hydra_steps.errors import StudyError
from hydra_steps.registry import use_plugins
from hydra_steps.registry.plugins import VARIABLE

OWN = "from hydra_steps.plugins import dataset\n@dataset('own', {0})\ndef own(folder): ...\n"
WHOLE = {"classes": ["a", "b"], "shape": [3, 4, 5], "parts": {"train": 9}}


@pytest.fixture
def declared(tmp_path, monkeypatch):
    """Declare the dataset ``own`` in a plug-in: ``declared(shape=…)``."""
    monkeypatch.setenv(VARIABLE, "")

    def declare(**traits):
        file = tmp_path / f"own_{len(list(tmp_path.iterdir()))}.py"  # declarations of a file are read once
        told = {**WHOLE, **traits}
        file.write_text(OWN.format(", ".join(f"{key}={value!r}" for key, value in told.items())))
        use_plugins([str(file)])

    return declare


def test_what_is_not_declared_has_its_meaning(declared):
    declared()
    own = dataset("own")
    assert (own.mean, own.std, own.white, own.fetched) == ((0.0,) * 3, (1.0,) * 3, 255.0, False)
    assert (own.title, padded_shape(dataset("own"), 2)) == ("own", (3, 8, 9))
    assert dataset("mnist").fetched
    assert not dataset("digits").fetched


@pytest.mark.parametrize(
    ("traits", "message"),
    [
        ({"shape": []}, r"shape \[\]; expected: \[channels, height, width\]"),
        ({"shape": [1, 0, 4]}, ".*each at least 1"),
        ({"classes": ["one"]}, "classes \\['one'\\]; expected: at least 2"),
        ({"parts": {"test": 9}}, "parts .*expected: train, or train and test"),
        ({"parts": {"train": 9, "valid": 3}}, "parts .*expected: train, or train and test"),
        ({"mean": [0.5]}, "mean \\[0.5\\] .*expected: 3 numbers, or none"),
    ],
)
def test_a_declaration_that_no_images_can_have_is_refused_with_its_line(declared, traits, message):
    declared(**traits)
    with pytest.raises(StudyError, match=rf"own_0\.py:3: the dataset own has {message}"):
        dataset("own")


def test_a_study_is_planned_without_numpy():
    code = (
        "import sys\n"
        "from hydra_steps.config import resolve_study\n"
        "from hydra_steps.plan.tables import plan_tables\n"
        "matrix = [[1.0 if a == b else 0.0 for b in range(10)] for a in range(10)]\n"
        "plan_tables(resolve_study({'noise': {'kind': 'transition_matrix', 'matrix': matrix}}))\n"
        "found = {'numpy', 'pandas', 'torch', 'scipy'} & set(sys.modules)\n"
        "assert not found, found\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
