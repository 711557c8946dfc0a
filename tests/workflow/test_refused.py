"""What the machine refuses in the middle of a run is one sentence: of a job, of its log, and of Snakemake."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workflow.conftest import ENVIRONMENT, STUDY, Tree, copy_tree

LIMITED = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]
# What a run writes that the tests wait for: its first job is there.
BEGUN = "results/test/logs/split_data"
# What needs few jobs, and a folder for each of two runs.
TABLE = "results/test/tables/noise.csv"


def obeying_permissions() -> list[str]:
    """What stands before a command for which permissions count, which they do not for the administrator."""
    if os.getuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("nothing here takes the administrator's rights from a process")
    return LIMITED


def started(tree: Tree, *before: str, target: str = TABLE) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*before, sys.executable, "-m", "hydra_steps", STUDY, "--cores", "1", "--target", target],
        cwd=tree.folder,
        env=ENVIRONMENT | {"PYTHONPATH": str(tree.folder)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def ended(process: subprocess.Popen[str]) -> str:
    """Return the last message of a run that ended with messages alone."""
    said, _ = process.communicate()
    assert process.returncode == 1, said
    assert "Traceback" not in said, said
    assert "Logging error" not in said, said
    assert "without a message" not in said, said
    messages = re.findall(r"^error: .*$", said, re.M)
    assert messages, said
    return messages[-1]


def await_any(process: subprocess.Popen[str], *paths: Path) -> None:
    while process.poll() is None and not all(path.exists() for path in paths):
        time.sleep(0.02)


@pytest.mark.parametrize(
    "folder", ["results/test/logs", "results/test/runs", ".snakemake/metadata", ".snakemake/scripts"]
)
def test_a_folder_that_may_no_longer_be_written(tmp_path: Path, folder: str) -> None:
    tree = copy_tree(tmp_path / "tree")
    process = started(tree, *obeying_permissions())
    place = tree.folder / folder
    await_any(process, place, tree.folder / BEGUN)
    place.chmod(0o555)
    try:
        message = ended(process)
    finally:
        place.chmod(0o755)
    assert re.search(rf"{folder}\S* failed: Permission denied; what to do: ", message)


def test_a_file_in_the_logs_place(tmp_path: Path) -> None:
    tree = copy_tree(tmp_path / "tree")
    process = started(tree)
    logs = tree.results / "logs"
    await_any(process, tree.folder / BEGUN)
    logs.rename(tree.results / "others")
    logs.write_text("")
    assert "failed: Not a directory; what to do: remove what is in the folder's place" in ended(process)


@pytest.fixture
def small(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A real disk of so many kB: which writing is refused first differs, Snakemake's log or its records."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={request.param}k,mode=0777", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("file systems cannot be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize(
    ("folder", "small"),
    [(".snakemake", 44), (".snakemake", 48), (".snakemake", 56), ("results", 48)],
    indirect=["small"],
)
def test_a_disk_that_is_full(tmp_path: Path, small: Path, folder: str) -> None:
    tree = copy_tree(tmp_path / "tree")
    (tree.folder / folder).symlink_to(small)
    message = ended(started(tree, target="all"))
    assert re.search(
        r"No space left on device; what to do: free some space|the disk of .* has .* free", message
    )
