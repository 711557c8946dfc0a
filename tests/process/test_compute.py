"""What every job sets before it computes."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hydra_steps.config.sections import Compute
from hydra_steps.job_environment import ENVIRONMENT
from hydra_steps.process.compute import prepare_compute

FAULTS = """
import resource
import numpy as np
def work():
    for _ in range(20):
        held = [np.ones(100_000) for _ in range(50)]  # 40 MB, in parts that malloc may map one by one
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def test_threads_are_the_configurations():
    before = torch.get_num_threads()
    try:
        prepare_compute(Compute(threads=2))
        assert torch.get_num_threads() == 2
        prepare_compute(Compute())
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="this C library's malloc cannot be told")
def test_freed_memory_is_used_again_without_faults():
    default = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
    assert faults(default | ENVIRONMENT) < 1000 < faults(default)


def faults(environment: dict[str, str]) -> int:
    command = [sys.executable, "-c", FAULTS]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return int(done.stdout)


def test_a_program_starts_itself_again_with_a_jobs_environment(tmp_path: Path):
    program = tmp_path / "program.py"
    program.write_text(
        "import os, sys\n"
        "from hydra_steps.job_environment import start_as_job\n"
        "start_as_job()\n"
        "print(os.environ['MALLOC_TRIM_THRESHOLD_'], os.environ['MALLOC_MMAP_THRESHOLD_'], *sys.argv[1:])\n"
    )
    default = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
    for given in ({}, {"MALLOC_TRIM_THRESHOLD_": "5"}):
        command = [sys.executable, str(program), "a study.yaml", "--cores=2"]
        said = subprocess.run(command, check=True, capture_output=True, text=True, env=default | given).stdout
        expected = (ENVIRONMENT | given)["MALLOC_TRIM_THRESHOLD_"]
        assert said.split(maxsplit=2) == [expected, str(32 << 20), "a study.yaml --cores=2\n"]
