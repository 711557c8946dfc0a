"""What goes wrong on clusters, really done: every time the study is completed, and nothing is done twice."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.cluster import Cluster
from tests.slurm.conftest import Driver, states_on_disk
from tests.workflow.conftest import Tree, copy_tree

EPOCHS = 2000
TRAINED = "results/test/runs/base-seed0/trajectory"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A study up to its labels, whose training is long enough to be met while it runs."""
    tree = copy_tree(tmp_path_factory.mktemp("prepared") / "tree")
    tree.edit("config/test.yaml", lambda text: text.replace("epochs: 2", f"epochs: {EPOCHS}"))
    tree.run("results/test/runs/base-seed0/labels.csv", "--cores", "1")
    return tree


@pytest.fixture(scope="module")
def undisturbed(prepared: Tree, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The manifest, which names every block's digest, of the training that nothing disturbed, on this machine."""
    tree = copied(prepared, tmp_path_factory.mktemp("undisturbed") / "tree")
    tree.run(TRAINED, "--cores", "1")
    return (tree.folder / TRAINED / "manifest.json").read_bytes()


@pytest.fixture
def slow(prepared: Tree, tmp_path: Path) -> Tree:
    """A copy of it."""
    return copied(prepared, tmp_path / "tree")


def copied(tree: Tree, folder: Path) -> Tree:
    shutil.copytree(tree.folder, folder, symlinks=True)
    return Tree(folder)


def disturb(tree: Tree, cluster: Cluster, what: Callable[[int], object]) -> Driver:
    """Train on the cluster, and do ``what`` to the job when some of its steps are safe on the disk.

    The training is stopped there, so that it is met half-way on fast machines, too.
    """
    driver = Driver(tree, cluster, TRAINED)
    job = driver.job("train_model")
    cluster.wait(lambda: states_on_disk(tree) > 1, "steps on the disk", 240)
    cluster.freeze()
    assert not (tree.folder / TRAINED / "manifest.json").exists()
    what(job)
    return driver


def continued(tree: Tree) -> bool:
    """Whether the training went on where it had been."""
    log = (tree.results / "logs/train_model/base-seed0.log").read_text()
    found = re.search(rf"continuing from step (\d+) of {5 * EPOCHS}", log)
    return found is not None and int(found[1]) > 0


def test_a_cancelled_job_is_sent_again_and_continues(
    slow: Tree, cluster: Cluster, undisturbed: bytes
) -> None:
    driver = disturb(slow, cluster, lambda job: cluster.client("scancel", str(job)))
    said = driver.end()
    assert "SLURM status is: 'CANCELLED'" in said
    assert driver.submitted("train_model") == 2
    assert continued(slow)
    assert (slow.folder / TRAINED / "manifest.json").read_bytes() == undisturbed


def test_a_job_over_its_time_is_sent_again_with_more(
    slow: Tree, cluster: Cluster, undisturbed: bytes
) -> None:
    limits = []

    def shorten(job: int) -> None:
        limits.append(limit(cluster, job))
        cluster.scontrol("update", f"jobid={job}", "TimeLimit=1")  # minutes, the least there is
        cluster.wait(lambda: cluster.state(job) == "TIMEOUT", "the end of the time", 240)

    driver = disturb(slow, cluster, shorten)
    limits.append(limit(cluster, driver.job("train_model")))
    said = driver.end()
    assert "SLURM status is: 'TIMEOUT'" in said
    assert limits[1] == 2 * limits[0]
    assert continued(slow)
    assert (slow.folder / TRAINED / "manifest.json").read_bytes() == undisturbed


def test_a_node_that_fails_and_returns_runs_the_job_again(
    slow: Tree, cluster: Cluster, undisturbed: bytes
) -> None:
    jobs = []

    def crash(job: int) -> None:
        jobs.append(job)
        cluster.crash_node()
        try:
            cluster.wait(lambda: cluster.state(job) == "PENDING", "the job in the queue again")
        finally:
            cluster.start_node()

    driver = disturb(slow, cluster, crash)
    assert driver.job("train_model") == jobs[0]  # Slurm's doing: the same job
    driver.end()
    assert driver.submitted("train_model") == 1
    assert continued(slow)
    assert (slow.folder / TRAINED / "manifest.json").read_bytes() == undisturbed


def over_memory(cluster: Cluster, said: str) -> int:
    """How many of the run's jobs Slurm killed for their memory; their state alone does not tell it from a crash."""
    jobs = re.findall(r"submitted with SLURM jobid (\d+)", said)
    log = (cluster.folder / "slurmd.log").read_text(errors="replace")
    return sum(bool(re.search(rf"StepId={job}\.\S+ exceeded memory limit", log)) for job in jobs)


def test_a_job_over_its_memory_is_sent_again_with_more(
    slow: Tree, cluster: Cluster, undisturbed: bytes
) -> None:
    driver = Driver(slow, cluster, TRAINED, "--set-resources", "train_model:mem_mb=60*20**(attempt-1)")
    said = driver.end()
    assert driver.submitted("train_model") == 2
    assert over_memory(cluster, said) == 1
    assert (slow.folder / TRAINED / "manifest.json").read_bytes() == undisturbed


def test_a_job_that_never_has_enough_memory_ends_with_one_message(slow: Tree, cluster: Cluster) -> None:
    little = ("--set-resources", "train_model:mem_mb=60", "--retries", "0")
    said = Driver(slow, cluster, TRAINED, *little).end(fails=True)
    assert over_memory(cluster, said) == 1
    assert "Traceback" not in said
    assert not (slow.folder / TRAINED).exists()


def test_a_killed_driver_leaves_nothing_behind(slow: Tree, cluster: Cluster, undisturbed: bytes) -> None:
    """The jobs of the killed run are ended by the next one, which goes on where they were."""
    first = disturb(slow, cluster, lambda job: None)
    orphan = first.job("train_model")
    first.kill()
    assert cluster.state(orphan) == "RUNNING"
    second = Driver(slow, cluster, TRAINED)
    said = second.end()
    assert f"ending 1 jobs of an earlier run: {orphan}" in said
    assert cluster.state(orphan) == "CANCELLED"
    assert second.submitted("train_model") == 1
    assert second.submitted("labels") == 0
    assert continued(slow)
    assert (slow.folder / TRAINED / "manifest.json").read_bytes() == undisturbed


def test_a_job_that_waits_longer_than_its_run_lives_does_nothing(slow: Tree, cluster: Cluster) -> None:
    """It finds, when it starts, that another run has the folder."""
    slow.edit("config/test.yaml", lambda text: text.replace(f"epochs: {EPOCHS}", "epochs: 2"))
    cluster.scontrol("update", f"nodename={cluster.name}", "state=drain", "reason=test")
    try:
        first = Driver(slow, cluster, TRAINED)
        cluster.wait(lambda: bool(cluster.jobs("pending")), "a job that waits", 240)
        (orphan,) = cluster.jobs("pending")
        first.kill()
        slow.run("results/test/config.yaml", "--cores", "1")
    finally:
        cluster.scontrol("update", f"nodename={cluster.name}", "state=resume")
    cluster.wait(lambda: cluster.state(orphan) == "FAILED", "the end of the job that waited", 240)
    assert not (slow.folder / TRAINED).exists()


def limit(cluster: Cluster, job: int) -> int:
    """Return a job's time limit in minutes."""
    found = re.search(r"TimeLimit=(?:(\d+)-)?(\d+):(\d+):", cluster.scontrol("show", "job", str(job)))
    assert found
    return (int(found[1] or 0) * 24 + int(found[2])) * 60 + int(found[3])
