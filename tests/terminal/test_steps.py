"""What is done, what it took, and what is left."""

from __future__ import annotations

from hydra_steps.terminal.steps import Steps, clock, step_of


def test_tables_are_one_step_and_targets_are_none() -> None:
    assert {step_of("evaluate_noise"), step_of("evaluate_claims")} == {"tables"}
    assert step_of("plot_figure") == "figures"
    assert step_of("train_model") == "train_model"
    assert step_of("all") == step_of("total") == ""


def test_a_step_is_done_with_its_last_job_and_took_from_its_first() -> None:
    steps = Steps()
    steps.plan({"train_model": 2, "evaluate_a": 1, "evaluate_b": 1, "all": 1, "total": 5}, 0.0)
    assert steps.total == 4
    steps.start(1, "train_model", 10.0)
    steps.start(2, "train_model", 12.0)
    assert steps.end(1, 20.0) is None
    assert steps.end(2, 25.0) == ("train_model", 2, 15.0)
    steps.start(3, "evaluate_b", 30.0)
    steps.start(4, "evaluate_a", 30.0)
    assert steps.end(3, 31.0) is None
    assert steps.end(4, 33.0) == ("tables", 2, 3.0)
    steps.start(5, "all", 34.0)
    assert steps.end(5, 34.0) is None
    assert steps.done == 4
    assert steps.remaining(40.0) == 0


def test_the_rest_takes_what_the_same_step_took_before_with_as_many_at_once() -> None:
    steps = Steps()
    steps.plan({"long": 4, "short": 2}, 0.0)
    assert steps.remaining(5.0) is None
    for job in (1, 2):
        steps.start(job, "long", 0.0)
    for job in (1, 2):
        steps.end(job, 10.0)
    # Two at once, 10 seconds each: two long ones and, as nothing is known of them, two short ones of as long.
    assert steps.remaining(10.0) == 20.0
    steps.start(3, "short", 10.0)
    steps.start(4, "short", 10.0)
    steps.end(3, 11.0)
    steps.end(4, 11.0)
    assert steps.remaining(11.0) == 10.0


def test_the_clock() -> None:
    assert [clock(0.4), clock(64), clock(3723)] == ["0:00", "1:04", "1:02:03"]
