"""Each job has a device of its own: real locks, real processes; the devices' names are given, as no GPU is needed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hydra_steps.process import device

ROOT = Path(__file__).parents[2]
JOB = """
import os, sys, time
from hydra_steps.process.device import take_device
name = take_device(sys.argv[1])
print(name, os.environ["CUDA_VISIBLE_DEVICES"], time.monotonic(), flush=True)
time.sleep(float(sys.argv[2]))
print(time.monotonic(), flush=True)
"""


def start(folder: Path, seconds: float, devices: str) -> subprocess.Popen[str]:
    environment = {k: v for k, v in os.environ.items() if k != "SLURM_JOB_ID"}
    return subprocess.Popen(
        [sys.executable, "-c", JOB, str(folder), str(seconds)],
        cwd=ROOT,
        env=environment | {"HYDRA_DEVICES": devices},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_no_two_jobs_have_one_device_at_a_time(tmp_path: Path) -> None:
    jobs = [start(tmp_path, 0.5, "GPU-a,GPU-b") for _ in range(5)]
    spans: dict[str, list[tuple[float, float]]] = {}
    for job in jobs:
        out, said = job.communicate(timeout=120)
        assert job.returncode == 0, said
        (name, visible, began), (ended,) = (line.split() for line in out.splitlines())
        assert name == visible
        spans.setdefault(name, []).append((float(began), float(ended)))
    assert set(spans) <= {"GPU-a", "GPU-b"}
    for held in spans.values():
        held.sort()
        assert all(end <= start for (_, end), (start, _) in zip(held, held[1:], strict=False))


def test_a_killed_job_gives_its_device_back(tmp_path: Path) -> None:
    first = start(tmp_path, 600, "0")
    assert first.stdout is not None
    assert first.stdout.readline().startswith("0 0")
    second = start(tmp_path, 0, "0")
    assert second.stderr is not None
    assert "all devices are taken (0): waiting for one" in second.stderr.readline()
    assert second.poll() is None
    killed = time.monotonic()
    first.kill()
    first.communicate()
    out, _ = second.communicate(timeout=60)
    assert float(out.split()[2]) >= killed


@pytest.mark.parametrize(
    ("variables", "names"),
    [({"CUDA_VISIBLE_DEVICES": "1, 3"}, ["1", "3"]), ({"CUDA_VISIBLE_DEVICES": ""}, [])],
)
def test_devices_that_the_user_chose(monkeypatch, variables: dict[str, str], names: list[str]) -> None:
    monkeypatch.delenv("HYDRA_DEVICES", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert device.device_names() == names


def test_a_scheduler_that_assigns_devices_is_left_to_it(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    monkeypatch.setenv("HYDRA_DEVICES", "0")
    assert device.take_device(tmp_path) is None
    assert not list(tmp_path.iterdir())
