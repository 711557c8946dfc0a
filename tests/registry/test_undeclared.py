"""Models of a user's own file or of a library, named in a study without a declaration."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hydra_steps.config.resolve import load_study, resolve_study
from hydra_steps.config.runs import run_settings
from hydra_steps.errors import StudyError
from hydra_steps.models.settled import run_model
from hydra_steps.registry import find
from hydra_steps.registry.code import code_digest
from hydra_steps.registry.plugins import VARIABLE

NETS = '''
from torch import nn

from widths import WIDTH

ACTIVATION = nn.Tanh


class Net(nn.Module):
    """Written for no study."""

    def __init__(self, pixels: int, outputs: int, width: int = WIDTH, *, hidden=(3, 2), act=ACTIVATION, **others):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(pixels, width), act(), nn.Linear(width, outputs))

    def forward(self, x):
        return self.layers(x)


class Doubled(Net):
    def forward(self, x):
        return 2 * super().forward(x)


def straight(shape, outputs):
    return nn.Sequential(nn.Flatten(), nn.Linear(shape[1] * shape[2], outputs))


def no_module(depth: float = 1.0):
    return depth
'''
STUDY = """
study: own
model: {name: "nets/nets.py:Net", pixels: 64}
variants: {net: {}, line: {model: {name: "nets/nets.py:straight"}}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, "")
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets/nets.py").write_text(NETS)
    (tmp_path / "nets/widths.py").write_text("WIDTH = 5\n")
    (tmp_path / "own.yaml").write_text(STUDY)
    return tmp_path


def test_a_class_and_a_function_of_a_file(folder: Path) -> None:
    study = load_study(folder / "own.yaml")
    model = run_settings(study, "net-seed0").model
    # A default that is no literal is the file's own, and no option.
    assert model.plain() | {"frozen": []} == model.plain()
    assert (model.name, model.options) == ("nets.py:Net", {"pixels": 64, "hidden": [3, 2]})
    built = run_model(model, (1, 8, 8), 10, seed=0)
    assert built(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    assert built.layers[1].out_features == 5
    other = run_settings(study, "line-seed0").model
    assert run_model(other, (1, 8, 8), 10, seed=0)(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    assert find("model", "nets.py:Net").title == "Net"
    assert resolve_study(study) == study


def test_options_are_those_of_the_class_that_it_inherits_from(folder: Path) -> None:
    (folder / "own.yaml").write_text(STUDY.replace("nets.py:Net", "nets.py:Doubled"))
    model = run_settings(load_study(folder / "own.yaml"), "net-seed0").model
    assert (model.name, model.options) == ("nets.py:Doubled", {"pixels": 64, "hidden": [3, 2]})
    assert run_model(model, (1, 8, 8), 10, seed=0)(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


def test_what_it_imports_beside_it_decides_what_runs_again(folder: Path) -> None:
    load_study(folder / "own.yaml")
    before = code_digest(entries=[("model", "nets.py:Net")])
    from hydra_steps.registry import code

    (folder / "nets/widths.py").write_text("WIDTH = 6\n")
    code._content.cache_clear()
    assert code_digest(entries=[("model", "nets.py:Net")]) != before


def test_a_class_of_a_library(folder: Path) -> None:
    study = resolve_study(
        {"model": {"name": "torch.nn.modules.linear:Linear", "in_features": 8, "out_features": 3}}
    )
    built = run_model(run_settings(study, "base-seed0").model, (1, 8, 8), 3, seed=0)
    assert isinstance(built, torch.nn.Linear)
    assert built.bias is not None


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"name": "nets/nets.py:Net"}, "lacks the key 'pixels'"),
        ({"name": "nets/nets.py:Nett", "pixels": 64}, "defines no Nett; .*did you mean 'Net'"),
        ({"name": "nets/nots.py:Net"}, "there is no file .*nots.py"),
        ({"name": "nowhere.nets:Net"}, "nowhere.nets"),
        ({"name": "nets/nets.py:Net", "pixels": 64, "widht": 3}, "model.widht"),
        ({"name": "nets/nets.py:no_module", "depth": "deep"}, "model.depth"),
    ],
)
def test_what_cannot_be_is_named_when_the_study_is_read(
    folder: Path, model: dict[str, object], words: str
) -> None:
    with pytest.raises(StudyError, match=words):
        resolve_study({"model": model}, folder)


def test_what_is_no_module_is_refused(folder: Path) -> None:
    study = resolve_study({"model": {"name": "nets/nets.py:no_module"}}, folder)
    with pytest.raises(StudyError, match="returned a float"):
        run_model(run_settings(study, "base-seed0").model, (1, 8, 8), 10, seed=0)
