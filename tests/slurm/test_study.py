"""A whole study on a real Slurm: the same bytes as on one machine."""

from __future__ import annotations

from tests.helpers.cluster import Cluster
from tests.slurm.conftest import Driver
from tests.workflow.conftest import Tree

# What the profile sends to the cluster, as (rule or group, jobs) of the study config/test.yaml.
SENT = {"labels": 2, "train_model": 2, "score_samples": 6, "retrain_without": 4, "measure_smoothness": 2}


def test_a_study_on_slurm_has_the_bytes_of_one_on_this_machine(
    cluster: Cluster, study: Tree, tree: Tree
) -> None:
    driver = Driver(tree, cluster)
    driver.end()
    assert {rule: driver.submitted(rule) for rule in SENT} == SENT
    assert driver.submitted("plot_figure") == driver.submitted("evaluate_detection") == 0
    found, expected = tree.contents("tables", "figures"), study.contents("tables", "figures")
    for files in (found, expected):
        del files["tables/timing.csv"], files["tables/jobs.csv"]  # no part of the result
    assert set(found) == set(expected)
    assert [name for name in found if found[name] != expected[name]] == []
    assert not cluster.jobs()
    # Done on the cluster is done: here, and there.
    assert "Nothing to be done" in tree.run("--cores", "1")
    assert "Nothing to be done" in Driver(tree, cluster, "--dry-run").end()
