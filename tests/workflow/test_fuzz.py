"""Two hundred files of a finished study, damaged at random: none is taken for the study's own, and none hangs."""

from __future__ import annotations

import random
import warnings
from pathlib import Path

import pytest

from tests.workflow.conftest import Tree
from tools.fuzz.__main__ import ONE_MESSAGE, fuzz
from tools.fuzz.damage import WAYS
from tools.fuzz.study import Finished

CASES, SEED = 200, 20260727


@pytest.mark.filterwarnings("ignore")  # zarr's, of what it does not recognise
def test_nothing_wrong_is_accepted(study: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(study.folder)
    whole = Finished(study.results, tmp_path / "damaged")
    ended, wrong = fuzz(whole, CASES, SEED)
    assert not wrong, "\n".join(wrong)
    assert sum(ended.values()) == CASES
    assert ended[ONE_MESSAGE] > 50


def test_a_damage_that_is_not_seen_would_be_told(
    study: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fuzz finds fault where nothing vouches for an output: here what it compares with is another content."""
    monkeypatch.chdir(study.folder)
    whole = Finished(study.results, tmp_path / "damaged")
    whole.data.update(dict.fromkeys(whole.outputs, "another content"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ended, wrong = fuzz(whole, 40, SEED)
    assert wrong
    assert all(line.endswith("wrongly accepted") for line in wrong)
    assert ended["wrongly accepted"] == len(wrong)


def test_each_way_changes_a_file(tmp_path: Path) -> None:
    path, other = tmp_path / "a.csv", tmp_path / "b.csv"
    other.write_text("other\n")
    for way in WAYS:
        path.write_text("1,2\n3,4\n5,6\n")
        before = path.stat().st_mtime_ns, path.read_bytes()
        for seed in range(20):  # some leave it as it is by chance
            if path.is_file() and (path.stat().st_mtime_ns, path.read_bytes()) == before:
                way(path, random.Random(seed), [path, other])
        assert not path.is_file() or (path.stat().st_mtime_ns, path.read_bytes()) != before
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)
