"""A training that is killed, at any moment and often, ends with the store of one that was left alone.

Killed with SIGKILL: at every single file that is put into place (while it is written, or right after), and at random
moments, again and again in the same scratch folder. In between, nothing half-written is ever taken for whole.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.contents import content, wrongly_accepted
from tests.helpers.warm import Helper

RECORDED = "tests.helpers.recorded"
TRAIN = f"{RECORDED}:train"
POLICIES = {"all": "all", "sqrt": "sqrt"}
# Killed at each file, and where fewer states are kept at every second: most files are the same.
EACH = {"all": 1, "sqrt": 2}


@pytest.fixture(scope="module")
def helper() -> Iterator[Helper]:
    helper = Helper(f"{RECORDED}:prepare")
    yield helper
    helper.close()


@pytest.fixture(scope="module")
def undisturbed(
    helper: Helper, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, int], dict[str, bytes]]:
    """The content of the store of a training that was left alone, by policy and epochs."""
    found = {}
    for name, keep in POLICIES.items():
        for epochs in (2, 40):
            folder = tmp_path_factory.mktemp("undisturbed")
            arguments = {"scratch": folder / "s", "output": folder / "o", "keep": keep, "epochs": epochs}
            helper.run(TRAIN, folder / "messages", **arguments)
            found[name, epochs] = content(folder / "o")
    return found


@pytest.mark.parametrize("keep", POLICIES)
def test_killed_at_every_file(helper: Helper, undisturbed, tmp_path: Path, keep: str) -> None:
    whole = undisturbed[keep, 2]
    count, kills = 0, 0
    while True:
        count += EACH[keep]
        folder = tmp_path / str(count)
        folder.mkdir()
        arguments = {
            "scratch": folder / "s",
            "output": folder / "o",
            "keep": POLICIES[keep],
            "epochs": 2,
        }
        moment = ("during", "after")[kills % 2]
        child = helper.start(
            f"{RECORDED}:train_and_die", folder / "messages", moment=moment, count=count, **arguments
        )
        code = child.wait()
        if code == 0:  # there were fewer files than that
            break
        assert code == -9, child.stderr
        kills += 1
        assert not wrongly_accepted(folder / "s", whole)
        assert not wrongly_accepted(folder / "o", whole)
        if not (folder / "o").exists():
            helper.run(TRAIN, folder / "messages", **arguments)
        assert content(folder / "o") == whole
    assert kills >= 20


@pytest.mark.parametrize("keep", POLICIES)
def test_killed_at_random_moments(helper: Helper, undisturbed, tmp_path: Path, keep: str) -> None:
    whole = undisturbed[keep, 40]
    generator = random.Random(keep)
    arguments = {"scratch": tmp_path / "s", "output": tmp_path / "o", "keep": POLICIES[keep], "epochs": 40}
    kills, rounds, continued = 0, 0, 0
    while kills < 12 or not continued:
        child = helper.start(TRAIN, tmp_path / "messages", **arguments)
        time.sleep(generator.uniform(0.0, 0.25 * (1 + kills // 12)))  # longer where the machine is slow
        child.kill()
        code = child.wait()
        continued += "continuing from step" in child.stderr
        if code == 0:  # the training was faster: begin another
            assert content(tmp_path / "o") == whole
            (tmp_path / "o").rename(tmp_path / f"finished-{rounds}")
            rounds += 1
            continue
        kills += 1
        assert not wrongly_accepted(tmp_path / "s", whole)
        assert not wrongly_accepted(tmp_path / "o", whole)
    if not (tmp_path / "o").exists():
        helper.run(TRAIN, tmp_path / "messages", **arguments)
    assert content(tmp_path / "o") == whole
