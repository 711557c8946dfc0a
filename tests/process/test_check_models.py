"""What ``make check`` says of a study's models, before there are any data."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from hydra_steps.config import load_study
from hydra_steps.config.__main__ import main
from hydra_steps.errors import StudyError
from hydra_steps.process.check_models import model_lines
from tests.helpers import foreign

STUDY = {
    "study": "paths",
    "plugins": [foreign.__file__],
    "seeds": [0, 1],
    "data": {"name": "digits", "train": 33, "validation": 10, "test": 10},
    "model": {"name": "lenet5_tanh"},
    "training": {"epochs": 1, "batch_size": 8},
    "methods": {"hydra_exact": {}},
    "counterfactual": {"groups": 4},
}


def _written(folder: Path, **changes) -> Path:
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(STUDY | changes, sort_keys=False))
    return path


def test_each_variant_has_its_path_and_the_reason(tmp_path):
    """Batch norm with a last batch of one sample is the training's matter, and not the check's."""
    variants = {
        "rules": {},
        "normalised": {"model": {"name": "mlp", "batch_norm": True}},
        "own": {"model": {"name": "sized", "kind": "masks"}},
        "again": {"training": {"epochs": 2}},
    }
    lines = model_lines(load_study(_written(tmp_path, variants=variants)))
    assert lines[0] == "rules: lenet5_tanh is differentiated by layer rules"
    assert lines[1] == "normalised: mlp is differentiated by layer rules"
    assert lines[2].startswith(
        "own: sized is differentiated by twice backward ('2' (Masked) calls masked_fill, which has no rule"
    )
    assert lines[3] == "again: lenet5_tanh is differentiated by layer rules"
    assert len(lines) == 4


def test_a_model_that_is_refused_is_refused_with_its_variant(tmp_path):
    variants = {"plain": {}, "own": {"model": {"name": "sized", "kind": "coupled"}}}
    study = load_study(_written(tmp_path, variants=variants))
    with pytest.raises(
        StudyError, match="variant own: the model 'sized': its layer '2' .Centred. makes the loss"
    ):
        model_lines(study)


def test_the_command_prints_yaml_with_the_paths_as_comments(tmp_path, monkeypatch, capsys):
    path = _written(tmp_path, model={"name": "sized", "kind": "masks"})
    monkeypatch.setattr(sys, "argv", ["config", "--check", str(path)])
    main()
    said = capsys.readouterr().out
    assert (
        "# base: sized is differentiated by twice backward ('2' (Masked) calls masked_fill, which has no rule"
        in said
    )
    assert yaml.safe_load(said)["model"]["kind"] == "masks"
    _written(tmp_path, model={"name": "sized", "kind": "functional_dropout"})
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert "its layer '2' (Functional) gives other numbers" in said.err
    assert "Traceback" not in said.err
    assert not said.out
