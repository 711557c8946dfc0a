"""Initial weights from files, what is drawn anew, and what is frozen; and that a study knows the file's content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from hydra_steps.config.resolve import load_study, resolve_study
from hydra_steps.config.runs import run_settings
from hydra_steps.config.sections import Model
from hydra_steps.errors import StudyError
from hydra_steps.models.settled import run_model
from hydra_steps.process.queries.query_set import QuerySet, expand_queries
from hydra_steps.process.running import run
from hydra_steps.scoring.hydra import hydra_exact
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.tiny import built, relative_error, tiny_data, tiny_rates, tiny_settings
from tests.helpers.unrolled import unrolled_contribution

SHAPE = (1, 3, 3)
TINY = {"name": "mlp", "hidden": [5], "batch_norm": True}


def build(plain: dict[str, Any], outputs: int = 3, seed: int = 0) -> torch.nn.Module:
    return run_model(Model.of(TINY | plain), SHAPE, outputs, seed)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """The weights of another training, for four classes."""
    file = tmp_path / "weights.pt"
    torch.save(build({}, outputs=4, seed=7).state_dict(), file)
    return file


@pytest.mark.parametrize("kind", ["pt", "safetensors"])
def test_all_but_what_is_drawn_anew_comes_from_the_file(tmp_path: Path, saved: Path, kind: str) -> None:
    state = torch.load(saved, weights_only=True)
    if kind == "safetensors":
        from safetensors.torch import save_file

        saved = tmp_path / "weights.safetensors"
        save_file(state, saved)
    found = build({"initial": str(saved), "fresh": ["4.*"]}).state_dict()
    drawn = build({}).state_dict()
    for name, value in found.items():
        assert torch.equal(value, (drawn if name.startswith("4.") else state)[name]), name
    assert not torch.equal(found["1.weight"], drawn["1.weight"])


def test_tensors_that_do_not_fit_are_named(saved: Path) -> None:
    with pytest.raises(StudyError) as error:
        build({"initial": str(saved)})
    assert "4.weight has the shape (4, 5) and (3, 5) is needed" in str(error.value)
    assert "model.fresh" in str(error.value)
    with pytest.raises(StudyError, match=r"3\.weight is missing"):
        run_model(Model.of({"name": "mlp", "hidden": [5], "initial": str(saved)}), SHAPE, 4, 0)
    with pytest.raises(StudyError, match=r"2\.running_mean is no part of the model"):
        build({"batch_norm": False, "initial": str(saved), "fresh": ["*.weight", "*.bias"]}, outputs=4)


class Harmful:
    """What would be done if a file of weights could run code."""

    def __reduce__(self) -> tuple[Any, ...]:
        return open, ("harm.txt", "w")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is no file of weights"),
        (b"hello", "is no file of weights"),
        ([1], "holds a list"),
        ({"a": 1}, "holds a, "),
    ],
)
def test_what_is_no_state_dict_is_refused(tmp_path: Path, content: Any, words: str) -> None:
    file = tmp_path / "weights.pt"
    file.write_bytes(content) if isinstance(content, bytes) else torch.save(content, file)
    with pytest.raises(StudyError, match=words):
        build({"initial": str(file)})


def test_no_code_of_a_file_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"a": Harmful()}, "weights.pt")
    with pytest.raises(StudyError, match="is no file of weights"):
        build({"initial": "weights.pt"})
    assert not Path("harm.txt").exists()


@pytest.mark.parametrize(
    ("plain", "words"),
    [
        ({"frozen": ["conv*"]}, r"model\.frozen: 'conv\*' matches nothing; .*1\.weight"),
        ({"fresh": ["9.*"]}, ""),
        ({"frozen": ["*"]}, "leaves no parameter"),
    ],
)
def test_patterns_that_cannot_be_are_named(saved: Path, plain: dict[str, Any], words: str) -> None:
    if words:
        with pytest.raises(StudyError, match=words):
            build(plain)
    else:
        with pytest.raises(StudyError, match=r"model\.fresh: '9\.\*' matches nothing"):
            build(plain | {"initial": str(saved)})


def test_a_fine_tuning_is_differentiated_exactly(saved: Path) -> None:
    """The last layer and its batch norm are trained, from weights of a file; the others stay as they were."""
    settings, data = tiny_settings(), tiny_data()
    settings["model"] = TINY | {"initial": str(saved), "fresh": ["4.*"], "frozen": ["1.*"]}
    process = built(settings, data)
    rates, kept = tiny_rates(process), torch.load(saved, weights_only=True)
    end = run(process, process.initial_state(), rates)
    state = process.model.state_dict(end.parameters, end.buffers)
    assert torch.equal(state["1.weight"], kept["1.weight"].double())
    assert not torch.equal(state["2.weight"], kept["2.weight"].double())
    queries = QuerySet(expand_queries([{"kind": "mean_loss", "split": "test"}], data), data, process)
    found = hydra_exact(Trajectory.in_memory(process, rates), queries).values
    assert relative_error(found, unrolled_contribution(process, rates, queries)) <= 1e-8


def test_a_study_knows_the_files_content(tmp_path: Path, saved: Path) -> None:
    text = "model: {name: mlp, initial: weights.pt}\nvariants: {a: {}, b: {model: {initial: null}}}"
    (tmp_path / "own.yaml").write_text(text)
    study = load_study(tmp_path / "own.yaml")
    first = run_settings(study, "a-seed0").model
    assert first.initial == str(saved)
    assert run_settings(study, "b-seed0").model.initial_sha256 is None
    assert resolve_study(study, tmp_path) == study
    torch.save(build({}, outputs=4, seed=8).state_dict(), saved)
    assert (
        run_settings(load_study(tmp_path / "own.yaml"), "a-seed0").model.initial_sha256
        != first.initial_sha256
    )
    with pytest.raises(StudyError, match="has SHA-256 .*as model.initial_sha256 says"):
        resolve_study(study, tmp_path)
    with pytest.raises(StudyError, match="the weights that the study was planned with"):
        run_model(first, SHAPE, 3, 0)


def test_a_file_that_is_not_there_is_named_when_the_study_is_read() -> None:
    with pytest.raises(StudyError, match=r"model\.initial: .*/none\.pt cannot be read: No such file"):
        resolve_study({"model": {"initial": "none.pt"}})
