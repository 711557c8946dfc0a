"""A Slurm for the tests of this folder, and runs of studies on it."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.helpers.cluster import Cluster, missing_programs
from tests.workflow.conftest import ENVIRONMENT, Tree

# As a user types it; but a test asks for news every second, where the profile asks every ten.
SLURM = ("--profile", "profiles/slurm", "--slurm-init-seconds-before-status-checks", "1")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A running Slurm, started once."""
    missing = missing_programs()
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        missing.append("snakemake-executor-plugin-slurm")
    if not os.environ.get("HYDRA_REQUIRE_SLURM"):
        pytest.skip("starts a Slurm of its own: only where HYDRA_REQUIRE_SLURM=1 asks for it")
    if missing:
        pytest.fail(f"no Slurm here: {', '.join(missing)} not found (Debian: slurm-wlm, munge)")
    cluster = Cluster(tmp_path_factory.mktemp("slurm"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


class Driver:
    """A run of Snakemake that sends its jobs to a cluster."""

    def __init__(self, tree: Tree, cluster: Cluster, *arguments: str) -> None:
        self._cluster = cluster
        self._said = tree.folder / f"driver-{time.time_ns()}.txt"
        with self._said.open("wb") as out:
            self._process = subprocess.Popen(
                tree.command(*arguments, *SLURM),
                cwd=tree.folder,
                env={**ENVIRONMENT, **cluster.environment},
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self._said.read_text(encoding="utf-8", errors="replace")

    def submitted(self, rule: str) -> int:
        """Return how many jobs of a rule (or of its group) were sent to Slurm."""
        return len(
            re.findall(
                rf"submitted with SLURM jobid \d+ \(log: \S+/(?:rule_{rule}|group_{rule}_\w+)/", self.said
            )
        )

    def job(self, rule: str) -> int:
        """Wait until a job of a rule runs, and return its number."""
        found: list[int] = []

        def running() -> bool:
            assert self._process.poll() is None, self.said
            found[:] = [
                n for n, what in self._cluster.jobs("running").items() if what.startswith(f"rule_{rule}")
            ]
            return bool(found)

        self._cluster.wait(running, f"a job of {rule}", 240)
        return found[0]

    def end(self, fails: bool = False) -> str:
        """Wait for its end, and return all that it said."""
        try:
            code = self._process.wait(600)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail(f"the driver does not end\n{self.said[-5000:]}\n{self._cluster.logs()}")
        assert (code != 0) == fails, self.said[-5000:]
        return self.said

    def kill(self) -> None:
        """Kill it and what it runs on its own machine; its jobs on the cluster go on."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def states_on_disk(tree: Tree, run: str = "base-seed0") -> int:
    """Return how many states of a run's unfinished training are safe, by its journal; 0 without one."""
    for path in (tree.results / "runs" / run / ".scratch").glob("train_model-*.journal.json"):
        with suppress(FileNotFoundError):
            return int(json.loads(path.read_text())["rows"]["parameters"]["count"])
    return 0
