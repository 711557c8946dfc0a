"""What every job sets before it computes."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from hydra_steps.process.compute import keep_freed_memory, prepare_compute

FAULTS = """
import resource, sys
import numpy as np
from hydra_steps.process.compute import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
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
        prepare_compute({"compute": {"threads": 2, "device": "cpu"}})
        assert torch.get_num_threads() == 2
        prepare_compute({"compute": {}})
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.skipif(not keep_freed_memory(), reason="this C library's malloc cannot be told")
def test_freed_memory_is_used_again_without_faults():
    faults = {}
    for how in ("default", "kept"):
        command = [sys.executable, "-c", FAULTS, how]
        faults[how] = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert faults["kept"] < 1000 < faults["default"]
