"""What YAML hides, names that lie, and numbers that cannot be: refused when a study is read, in one message."""

from __future__ import annotations

from pathlib import Path

import pytest

from hydra_steps.config import load_study
from hydra_steps.config.runs import run_config
from hydra_steps.errors import StudyError

REFUSED = {
    "methods: {hydra_exact: {method: random}}": "the label is the name of another method than random",
    "methods: {hydra_exact: {}, exact: {method: hydra_exat}}": "did you mean 'hydra_exact'",
    "methods: {hydra_exact: false}": "methods.hydra_exact: false has the wrong form",
    "methods: {hydra_exact: 0}": "methods.hydra_exact: 0 has the wrong form",
    'methods: {hydra_exact: ""}': 'methods.hydra_exact: "" has the wrong form',
    "methods: {hydra_exact: []}": "methods.hydra_exact: [] has the wrong form",
    "noise: {rate: .nan}": "noise.rate: nan is no number",
    "training: {optimizer: {learning_rate: .inf}}": "training.optimizer.learning_rate",
    "methods: {influence_cg: {damping: .inf}}": "methods.influence_cg.damping: inf is no number",
    "removal: {fractions: [.nan]}": "removal.fractions[0]: nan is no number",
    "variants: {a: {noise: {rate: .nan}}}": "variants.a.noise.rate: nan is no number",
    "": "is empty",
    "# nothing": "is empty",
    'study: "a\\n"': "study: ",
    f"study: {'a' * 101}": "study: ",
    'methods: {"a\\n": {method: random}}': "methods: ",
    f"methods: {{{'a' * 101}: {{method: random}}}}": "methods: ",
    'variants: {"a\\n": {}}': "variants: ",
    'trajectory: {keep: {budget: "1MB\\n"}}': "trajectory.keep",
    **{
        f"{key}: {value}" if key == "results" else f"data: {{folder: {value}}}": f"{key}: "
        for key in ("results", "data.folder")
        for value in (
            *('"a\\n"', '"a{b}"', '"s3://bucket/a"', '"a\\u0007"', '"a\\0"', f'"{"a" * 201}"', '" "', '"a*"'),
            f'"{"a/" * 501}"',
        )
    },
    "methods: {el2n: {epoch: 4}}\ntraining: {epochs: 3}": "el2n with epoch 4, 3 epochs; expected: an epoch of",
    "methods: {hydra_forward: {samples: [0, 1000]}}": "hydra_forward with samples [0, 1000], 1,000 training samples",
    "methods: {knn_disagreement: {neighbours: 1000}}": "knn_disagreement with neighbours 1000, 1,000 training samples",
    "methods: {el2n: {epoch: 4}}\nvariants: {a: {training: {epochs: 3}}}": "variants.a: methods.el2n",
    "figures: {colours: {random: nocolour}}": 'figures.colours.random: "nocolour" is no colour',
    'figures: {colours: {random: "red\\n"}}': "is no colour",
    "queries: [{kind: class_loss, split: test}]\ndata: {test: 5}": "so that a class has none",
}


@pytest.mark.parametrize("text", REFUSED)
def test_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "study.yaml").write_text(text)
    with pytest.raises(StudyError) as refused:
        load_study(tmp_path / "study.yaml")
    assert REFUSED[text] in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "methods: {hydra_exact: }",
        "methods: {hydra_exact: {}, again: {method: hydra_exact}}",
        "results: ../elsewhere/my results",
        "methods: {el2n: {epoch: 20}}",
        "figures: {colours: {random: 'tab:blue', hydra_exact: '#aabbcc', final_loss: '0.5'}}",
    ],
)
def test_allowed(tmp_path: Path, text: str) -> None:
    (tmp_path / "study.yaml").write_text(text)
    assert load_study(tmp_path / "study.yaml")


def test_a_variant_changes_a_value_of_another_kind(tmp_path: Path) -> None:
    text = "trajectory: {keep: {every: 2}}\nvariants: {a: {trajectory: {keep: {budget: 1MB}}}, b: {}}\nseeds: [0]"
    (tmp_path / "study.yaml").write_text(text)
    study = load_study(tmp_path / "study.yaml")
    assert run_config(study, "a-seed0")["trajectory"]["keep"] == {"budget": "1MB"}
    assert run_config(study, "b-seed0")["trajectory"]["keep"] == {"every": 2}
