"""What ends a program early is one message, or none."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hydra_steps.errors import BROKEN_PIPE

WRITE = """
from hydra_steps.errors import reported
with reported():
    for line in range({lines}):
        print(line)
"""


@pytest.mark.parametrize("lines", [10, 200_000])  # less and more than what is written at once
def test_who_reads_may_have_enough(lines: int) -> None:
    """As ``| head`` does: the output is closed while there is more to write, or all of it."""
    command = [sys.executable, "-c", WRITE.format(lines=lines)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        assert program.stdout is not None
        program.stdout.close()
        assert program.stderr is not None
        assert program.stderr.read() == b""
    assert program.returncode == BROKEN_PIPE
