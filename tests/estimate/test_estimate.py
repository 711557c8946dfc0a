"""The estimate: every rule is in it, its disk is what a training really takes, and too small a disk is refused."""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from hydra_steps.config import resolve_study
from hydra_steps.errors import StudyError
from hydra_steps.estimate.__main__ import duration, main, table
from hydra_steps.estimate.costs import least_sure, require_space, study_costs, wall_seconds
from hydra_steps.estimate.rates import Calibration, MethodCost
from hydra_steps.plan.tables import plan_tables
from hydra_steps.trajectory.arrays import Shape
from hydra_steps.trajectory.keep import checkpoint_steps
from tests.helpers.recorded import train

ROOT = Path(__file__).parents[2]
AT_EASE = 3600.0  # seconds that no test needs, and a busy machine may


def measured(methods) -> Calibration:
    """Made-up measurements; ``methods`` are labels."""
    cost = {label: MethodCost(fixed=1.0, per_step=0.02, per_sample=0.001) for label in methods}
    numbers = {
        "parameters": 61_706,
        "slots": 1,
        "buffers": 0,
        "seconds_per_step": 0.01,
        "seconds_per_evaluated_sample": 1e-5,
        "methods": cost,
        "startup": 2.0,
        "training_memory": 400_000_000,
        "scoring_memory": 500_000_000,
    }
    return Calibration(**numbers)


@pytest.fixture
def study(tmp_path: Path) -> dict:
    return resolve_study(
        {
            "study": "estimated",
            "results": str(tmp_path / "results"),
            "seeds": [0, 1],
            "data": {
                "name": "digits",
                "folder": str(tmp_path / "data"),
                "train": 1000,
                "validation": 200,
                "test": 500,
            },
            "model": {"name": "lenet5_tanh"},
            "training": {"epochs": 20, "batch_size": 64},
            "queries": [
                {"kind": "mean_loss", "split": "test"},
                {"kind": "mean_loss", "split": "validation"},
                {"kind": "sample_loss", "split": "test", "samples": [0, 1, 2, 3]},
            ],
            "methods": {"hydra_exact": {}, "final_loss": {}},
            "counterfactual": {"groups": 40, "fraction": 0.02, "batch": 10},
            "removal": {"fractions": [0.2, 0.5], "seeds": 4},
            "brittleness": {"queries": ["test_sample_0", "test_sample_3"]},
            "smoothness": {"groups": 4, "steps": [0.1, 0.3, 1.0]},
            "claims": True,
            "trace": {"epochs": [5, 20], "methods": ["hydra_exact"], "tracked": 4},
        }
    )


def test_every_rule_of_the_workflow_is_estimated(study) -> None:
    rules = {
        name
        for file in (ROOT / "workflow" / "rules").glob("*.smk")
        if file.name != "time.smk"  # no part of a study: the benchmark runs where it is asked for
        for name in re.findall(r"^rule (\w+):", file.read_text(), flags=re.MULTILINE)
    }
    sweep = {f"cg_{damping}": {"method": "influence_cg", "damping": damping} for damping in (0.01, 0.1, 1.0)}
    study = study | {
        "clustering": study["clustering"] | {"algorithms": ["kmeans"]},
        "embedding": study["embedding"] | {"samples": 100},
        "class_contributions": study["class_contributions"] | {"queries": "sample_loss"},
        "extremes": study["extremes"] | {"queries": ["test_mean"]},
    }
    study = study | {"ablations": {"reference": "base"}}
    study = study | {"comparison": True, "methods": study["methods"] | sweep}
    study = study | {
        "explorer": {"top": 5, "by_epoch": True},
        "audit": study["audit"] | {"copies": 2, "decisions": ["a"]},
    }
    rules.add("fetch_data")  # one for each folder of data, named where it is made
    rules |= {table.rule for table in plan_tables(study).values() if table.target == "all"}
    costs = study_costs(study, lambda run: measured(study["methods"]))
    assert {cost.rule.split(":")[0] for cost in costs} == rules


def test_jobs_disk_and_time_follow_from_the_study(study) -> None:
    costs = {cost.rule: cost for cost in study_costs(study, lambda run: measured(study["methods"]))}
    steps, states = 20 * 16, 321  # 1,000 samples in batches of 64, 20 epochs, every state
    training = costs["train_model"]
    assert training.jobs == 2
    assert training.disk == 2 * (states * (2 * 61_706 * 4 + 8) + steps * (64 * 4 + 24))
    assert training.longest == pytest.approx(2.0 + steps * 0.01 + 20 * (200 + 500) * 1e-5)
    retraining = costs["retrain_without: groups"]
    assert retraining.jobs == 2 * 4  # 40 groups in batches of 10
    assert retraining.longest == pytest.approx(2.0 + 10 * (steps * 0.01 + 700 * 1e-5))
    smoothness = costs["measure_smoothness"]
    assert smoothness.longest == pytest.approx(2.0 + 16 * (steps * 0.01 + 700 * 1e-5))
    exact = costs["score_samples: hydra_exact"]
    queries = (500 + 200 + 4) * 0.01 / 64
    assert exact.longest == pytest.approx(2.0 + 1.0 + steps * 0.02 + 1000 * 0.001 + queries)
    assert exact.disk == 2 * 6 * 1000 * 8
    longest = max(cost.longest for cost in costs.values())
    assert longest < wall_seconds(list(costs.values()), 2) < wall_seconds(list(costs.values()), 1)


def test_scores_in_one_job_share_its_start(study) -> None:
    each, together = (
        {cost.rule: cost for cost in study_costs(study | more, lambda run: measured(study["methods"]))}
        for more in ({}, {"together": ["scores"]})
    )
    first, second = "score_samples: hydra_exact", "score_samples: final_loss"
    assert together[first] == each[first]
    assert (each[second].jobs, together[second].jobs) == (2, 0)
    assert together[second].longest == pytest.approx(each[second].longest - 2.0)
    assert together[second].seconds == pytest.approx(each[second].seconds - 2 * 2.0)
    # On many cores the longest chain decides, which now has both.
    longer = wall_seconds(list(together.values()), 1000) - wall_seconds(list(each.values()), 1000)
    assert longer == pytest.approx(together[second].longest)


def test_a_training_that_may_stop_early_is_counted_twice(study) -> None:
    once, twice = (
        study_costs(
            study | {"training": study["training"] | {"early_stopping": patience}},
            lambda run: measured(study["methods"]),
        )
        for patience in (None, 3)
    )
    change = {a.rule: (b.longest - 2.0) / (a.longest - 2.0) for a, b in zip(once, twice, strict=True)}
    assert {rule for rule, factor in change.items() if factor != 1} == {"train_model"}
    assert change["train_model"] == pytest.approx(2)


def test_replay_is_counted_where_states_are_not_kept(study) -> None:
    every = study_costs(study, lambda run: measured(study["methods"]))
    study["trajectory"]["keep"] = "sqrt"
    few = study_costs(study, lambda run: measured(study["methods"]))
    change = {a.rule: b.longest - a.longest for a, b in zip(every, few, strict=True)}
    assert change["score_samples: hydra_exact"] == pytest.approx(320 * 0.01)
    assert change["train_model"] == 0
    assert sum(cost.disk for cost in few) < sum(cost.disk for cost in every) / 4


@pytest.mark.parametrize("keep", ["all", "sqrt", {"every": 5}])
def test_the_disk_of_a_trajectory_is_what_it_really_takes(tmp_path: Path, keep) -> None:
    train(str(tmp_path / "s"), str(tmp_path / "o"), keep=keep, epochs=30, block_bytes=2**20)
    blocks = [path for path in (tmp_path / "o").rglob("c/*") if path.is_file()]
    blocks += [path for path in (tmp_path / "o").rglob("c/*/*") if path.is_file()]
    blocks += [path for path in (tmp_path / "o").rglob("c/*/*/*") if path.is_file()]
    real = sum(path.stat().st_size for path in blocks)
    parameters = 9 * 5 + 5 + 5 * 3 + 3
    shape = Shape(90, 4, parameters, 1, 0, "float64", checkpoint_steps(keep, 90, parameters * 16))
    epochs = 30 * 6 * 8  # their arrays are not counted
    assert real == pytest.approx(shape.bytes + epochs, rel=0.01)


def test_a_study_that_does_not_fit_is_refused_with_the_numbers(study, monkeypatch) -> None:
    costs = study_costs(study, lambda run: measured(study["methods"]))
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10**9, 10**9, 10**8))
    with pytest.raises(
        StudyError, match=r"takes 3\d\d\S* MB more.* 100 MB free .*train_model 317\S* MB.*keep: sqrt"
    ):
        require_space(costs)
    require_space(costs, already=3e8)
    study["trajectory"]["keep"] = "sqrt"
    require_space(study_costs(study, lambda run: measured(study["methods"])))


def test_each_line_says_how_sure_its_time_is(study) -> None:
    found = measured(study["methods"])
    scaled = {"final_loss": MethodCost(source="nominal; on random data: it diverged")}
    found = replace(found, methods={**found.methods, **scaled}, source="scaled from 4 of 64 samples")
    lines = {
        line.split("  ")[0]: line
        for line in table(study, study_costs(study, lambda run: found), 2).split("\n")
    }
    assert lines["score_samples: hydra_exact"].endswith("measured")
    assert lines["score_samples: final_loss"].endswith("nominal; on random data: it diverged")
    assert lines["train_model"].endswith("scaled from 4 of 64 samples")
    assert lines["write_report"].endswith("typical")


def test_the_least_sure_source_is_told() -> None:
    assert least_sure(["measured", "scaled from 4 of 8 samples", "measured"]) == "scaled from 4 of 8 samples"
    assert least_sure(["scaled from a", "nominal; on random data: no", "measured"]).startswith("nominal")


def test_the_command_prints_the_table_and_ends_with_1_on_a_full_disk(
    monkeypatch, capsys, tmp_path: Path
) -> None:
    text = (ROOT / "config" / "test.yaml").read_text()
    path = tmp_path / "study.yaml"
    path.write_text(f"results: {tmp_path / 'results'}\n{text}")
    monkeypatch.setattr(sys, "argv", ["estimate", str(path), "--cores", "2"])
    main()
    out = capsys.readouterr().out
    assert "score_samples: hydra_exact" in out
    assert re.search(r"2 runs; about [\d.]+ (s|min) on 2 cores", out)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10**9, 10**9, 10**5))
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "error: the study takes" in capsys.readouterr().err


def test_help(monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys, "argv", ["estimate", "--help"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert "disk, memory and time of each rule" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("seconds", "text"), [(3.21, "3.2 s"), (61, "61 s"), (600, "10.0 min"), (7200, "2.0 h")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_the_explorer_is_estimated_where_it_is_asked_for(study) -> None:
    def disk(**explorer) -> dict[str, float]:
        asked = study | {"explorer": study["explorer"] | explorer}
        return {cost.rule: cost.disk for cost in study_costs(asked, lambda run: measured(study["methods"]))}

    without, asked = disk(), disk(top=5)
    assert {"predict_samples", "write_explorer"} == set(asked) - set(without)
    by_epoch = asked["score_samples: hydra_exact"] - without["score_samples: hydra_exact"]
    assert by_epoch == 4 * 20 * 6 * 1000  # of the first seed alone
    assert asked["score_samples: final_loss"] == without["score_samples: final_loss"]
    assert disk(top=5, by_epoch=False)["score_samples: hydra_exact"] == without["score_samples: hydra_exact"]
