"""What a dataset's files are known by: their content, whatever their dates say."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from hydra_steps import contents
from hydra_steps.contents import LOOKED_AT, MANIFEST, changes_since_manifest, digest_of, files_in, planned_by
from hydra_steps.errors import StudyError


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with files of a dataset."""
    home = tmp_path / "own"
    (home / "pictures").mkdir(parents=True)
    for name in ("labels.csv", "pictures/a.png", "pictures/b.png"):
        (home / name).write_text(name)
    return home


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files count as settled at once; the inode's own time cannot be set back."""
    monkeypatch.setattr(contents, "SETTLED_NANOSECONDS", -(10**9))


def listed(home: Path, planned: str = "as planned") -> None:
    """Write the manifest of what is there now."""
    rows = [{"file": name, "sha256": sha256} for name, sha256 in files_in(home).items()]
    everything = [{"file": None, "sha256": "of arrays"}, *rows]
    (home / MANIFEST).write_text(json.dumps({"files": everything, "planned": planned}))


def test_patterns_say_what_counts(home: Path) -> None:
    assert list(files_in(home)) == ["labels.csv", "pictures/a.png", "pictures/b.png"]
    (home / ".hidden").write_text("")
    for own in (MANIFEST, "sources.json", "fetch_data.log"):
        (home / own).write_text("{}")
    (home.parent / "beside.csv").write_text("")
    assert list(files_in(home)) == ["labels.csv", "pictures/a.png", "pictures/b.png"]
    assert list(files_in(home, ["*/b.*", ".h*", "../*.csv"])) == [
        "../beside.csv",
        ".hidden",
        "pictures/b.png",
    ]
    assert files_in(home, []) == files_in(home / "absent") == {}
    assert digest_of({}) == ""


def test_links_are_followed_and_a_circle_ends(home: Path) -> None:
    elsewhere = home.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "c.png").write_text("c")
    (home / "linked").symlink_to(elsewhere)
    (home / "dangling").symlink_to(home / "nowhere")
    before = files_in(home)
    assert "linked/c.png" in before
    (elsewhere / "c.png").write_text("d")
    assert {name for name, sha in files_in(home).items() if before[name] != sha} == {"linked/c.png"}
    (home / "pictures" / "up").symlink_to(home)
    assert "labels.csv" in files_in(home)


@pytest.mark.usefixtures("settled")
def test_unchanged_files_are_not_read_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    real = contents._sha256
    monkeypatch.setattr(contents, "_sha256", lambda path: read.append(path.name) or real(path))
    first = files_in(home)
    assert sorted(read) == ["a.png", "b.png", "labels.csv"]
    assert files_in(home) == first
    assert len(read) == 3
    dates = (home / "labels.csv").stat()
    (home / "labels.csv").write_text("Labels.csv")  # as long as before
    os.utime(home / "labels.csv", ns=(dates.st_atime_ns, dates.st_mtime_ns))
    assert files_in(home)["labels.csv"] != first["labels.csv"]
    assert read[3:] == ["labels.csv"]
    (home / LOOKED_AT).write_text('{"labels.csv": [1, "x"], "pictures/a.png": 7')
    assert files_in(home)["pictures/a.png"] == first["pictures/a.png"]


def test_what_changed_a_moment_ago_is_read_each_time(home: Path) -> None:
    files_in(home)
    assert not (home / LOOKED_AT).exists()


def test_a_plan_knows_data_by_what_it_saw_before_they_were_read(home: Path) -> None:
    assert planned_by(home, ["**"]) == digest_of(files_in(home))
    assert planned_by(home, None) == ""
    listed(home)
    assert planned_by(home, ["**"]) == planned_by(home, None) == "as planned"
    (home / "labels.csv").write_text("others")
    assert planned_by(home, ["**"]) == planned_by(home, None) == digest_of(files_in(home))
    (home / MANIFEST).write_text("{}")
    assert planned_by(home, ["**"]) == digest_of(files_in(home))


def test_changes_are_named(home: Path) -> None:
    assert changes_since_manifest(home, ["**"]) == ""
    listed(home)
    assert changes_since_manifest(home, ["**"]) == ""
    (home / "labels.csv").write_text("others")
    (home / "pictures" / "a.png").rename(home / "pictures" / "c.png")
    expected = "labels.csv changed, pictures/a.png removed, pictures/c.png added"
    assert changes_since_manifest(home, ["**"]) == expected
    assert changes_since_manifest(home, None) == "labels.csv changed, pictures/a.png removed"
    for number in range(20):
        (home / f"{number}.png").write_text("")
    assert changes_since_manifest(home, ["**"]).endswith(", and 13 more")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_one_message(home: Path) -> None:
    (home / "labels.csv").chmod(0)
    with pytest.raises(StudyError, match=r"labels\.csv cannot be read: Permission denied.*`reads`"):
        files_in(home)


def test_a_folder_that_cannot_be_written_costs_the_reading(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, text: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(contents, "write_whole", refuse)
    monkeypatch.setattr(contents, "SETTLED_NANOSECONDS", -(10**9))
    assert len(files_in(home)) == 3
