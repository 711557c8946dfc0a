"""Defaults, variants, runs, and the canonical form of what jobs are told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from hydra_steps.config import (
    canonical_json,
    load_study,
    resolve_study,
    run_config,
    run_names,
    study_yaml,
)
from hydra_steps.config.document import document
from hydra_steps.config.study import Study
from hydra_steps.errors import StudyError

ROOT = Path(__file__).parents[2]
STUDIES = sorted((ROOT / "config").glob("*.yaml"))


@pytest.mark.parametrize("path", STUDIES, ids=lambda p: p.stem)
def test_each_study_in_the_folder_is_valid_and_carries_its_name(path: Path) -> None:
    # The default study has a second file, for its own name.
    assert load_study(path)["study"] == ("quickstart" if path.stem == "config" else path.stem)


def test_resolving_twice_changes_nothing() -> None:
    study = resolve_study(
        {"variants": {"relu": {"model": {"name": "lenet5_relu"}}}, "methods": {"random": None}}
    )
    assert resolve_study(study) == study
    assert resolve_study(yaml.safe_load(study_yaml(study))) == study


def test_every_default_is_filled_in() -> None:
    study = resolve_study({})
    assert study["training"]["optimizer"]["momentum"] == 0.9
    assert study["training"]["schedule"]["name"] == "constant"
    assert study["methods"]["influence_cg"]["damping"] > 0
    assert study["noise"]["seed"] is None


def test_the_order_of_keys_and_the_form_of_numbers_do_not_matter() -> None:
    one = resolve_study({"noise": {"rate": 1, "kind": "uniform"}, "training": {"epochs": 3.0}})
    two = resolve_study({"training": {"epochs": 3}, "noise": {"kind": "uniform", "rate": 1.0}})
    assert study_yaml(one) == study_yaml(two)
    # In one order, too: a job runs again where what it is told is written otherwise.
    assert repr(run_config(one, "base-seed0")) == repr(run_config(two, "base-seed0"))


def test_numbers_may_be_written_as_text() -> None:
    study = resolve_study(
        {
            "seeds": ["7"],
            "training": {"epochs": "3", "optimizer": {"learning_rate": "1e-3", "nesterov": "false"}},
            "data": {"test": "null"},
            "trajectory": {"keep": {"every": "5"}},
            "methods": {"influence_cg": {"damping": "1e-2"}},
            "variants": {"slow": {"training": {"optimizer": {"learning_rate": "1e-4"}}}},
        }
    )
    assert study["seeds"] == [7]
    assert study["training"]["epochs"] == 3
    assert study["training"]["optimizer"]["learning_rate"] == 0.001
    assert study["training"]["optimizer"]["nesterov"] is False
    assert study["data"]["test"] is None
    assert study["trajectory"]["keep"] == {"every": 5}
    assert study["methods"]["influence_cg"]["damping"] == 0.01
    assert run_config(study, "slow-seed7")["training"]["optimizer"]["learning_rate"] == 0.0001


def test_what_was_written_is_not_changed() -> None:
    raw = {"methods": {"random": None}, "training": {"optimizer": {}}}
    before = json.dumps(raw)
    resolve_study(raw)
    assert json.dumps(raw) == before


def test_runs_are_variants_times_seeds() -> None:
    study = resolve_study({"seeds": [3, 1], "variants": {"a": {}, "b": {"noise": {"rate": 0.5}}}})
    assert run_names(study) == ["a-seed3", "a-seed1", "b-seed3", "b-seed1"]
    assert run_names(resolve_study({})) == ["base-seed0", "base-seed1"]


def test_a_variant_is_merged_over_the_study() -> None:
    study = resolve_study(
        {
            "training": {"epochs": 7, "optimizer": {"momentum": 0.5}},
            "variants": {"slow": {"training": {"optimizer": {"learning_rate": 0.001}}}},
        }
    )
    run = run_config(study, "slow-seed1")
    assert run["training"]["epochs"] == 7
    assert run["training"]["optimizer"]["momentum"] == 0.5
    assert run["training"]["optimizer"]["learning_rate"] == 0.001
    assert (run["variant"], run["seed"], run["run"]) == ("slow", 1, "slow-seed1")


def test_a_variant_that_chooses_another_entry_leaves_the_options_of_the_first() -> None:
    study = resolve_study(
        {
            "model": {"name": "mlp", "hidden": [8], "dropout": 0.5},
            "noise": {"kind": "symmetric", "rate": 0.3},
            "training": {"optimizer": {"name": "sgd", "momentum": 0.5, "weight_decay": 0.1}},
            "variants": {
                "other": {
                    "model": {"name": "lenet5_tanh"},
                    "noise": {"kind": "none"},
                    "training": {"optimizer": {"name": "adam"}},
                }
            },
        }
    )
    run = run_config(study, "other-seed0")
    model = {
        key: value
        for key, value in run["model"].items()
        if key in ("name", "hidden", "dropout", "batch_norm")
    }
    assert model == {"name": "lenet5_tanh", "dropout": 0.5, "batch_norm": False}
    assert run["noise"] == {"kind": "none", "seed": 0}
    assert "momentum" not in run["training"]["optimizer"]
    assert run["training"]["optimizer"]["weight_decay"] == 0.1
    assert run["training"]["optimizer"]["betas"] == [0.9, 0.999]


def test_what_is_no_section_is_replaced_whole() -> None:
    study = resolve_study(
        {
            "trajectory": {"keep": {"every": 5}},
            "variants": {"small": {"trajectory": {"keep": {"budget": "2GB"}}}},
        }
    )
    assert run_config(study, "small-seed0")["trajectory"]["keep"] == {"budget": "2GB"}


def test_a_plug_in_beside_the_study_brings_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from hydra_steps.plugins import model\n\n"
        "@model('wide')\ndef wide(shape, outputs, width: int = 16):\n    'A wide one.'\n"
    )
    (tmp_path / "study.yaml").write_text("plugins: [mine.py]\nmodel: {name: wide, width: 3}\n")
    study = load_study(tmp_path / "study.yaml")
    assert (study["model"]["name"], study["model"]["width"]) == ("wide", 3)
    assert study["plugins"] == [str(tmp_path / "mine.py")]
    assert resolve_study(study) == study
    with pytest.raises(StudyError, match=r"model\.name: \"wide\" is unknown"):
        resolve_study({"model": {"name": "wide"}})


def test_a_run_has_its_own_noise_unless_the_study_fixes_it() -> None:
    assert run_config(resolve_study({}), "base-seed1")["noise"]["seed"] == 1
    assert run_config(resolve_study({"noise": {"seed": 9}}), "base-seed1")["noise"]["seed"] == 9


def test_a_method_may_stand_there_twice() -> None:
    study = resolve_study(
        {"methods": {"weak": {"method": "influence_cg", "damping": 10}, "influence_cg": {}}}
    )
    assert study["methods"]["weak"] == {"method": "influence_cg"} | {
        **study["methods"]["influence_cg"],
        "damping": 10.0,
    }


def test_canonical_json_refuses_what_is_no_number() -> None:
    assert canonical_json({"b": 1, "a": [True, None]}) == '{"a":[true,null],"b":1}'
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(float("nan"))


def test_the_page_of_all_keys_is_current() -> None:
    page = (ROOT / "config" / "README.md").read_text(encoding="utf-8")
    assert page == document(), "run: python -m hydra_steps.config --document > config/README.md"


@pytest.mark.parametrize("name", ["quickstart", "test", "test_explain", "example_plugin"])
def test_a_typed_study_is_the_plain_one(name):
    study = load_study(f"config/{name}.yaml")
    assert Study.of(study).plain() == study
