"""A record says what made an output; whatever was changed since, in it or in the output, is named."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hydra_steps.errors import StudyError
from hydra_steps.provenance.content import content_of
from hydra_steps.provenance.fits import check_whole, misfit
from hydra_steps.provenance.record import Making, Record, plain, read_record, record_path, write_record

MADE_BY = Making("noise_labels", {"noise": {"rate": 0.2, "kind": "symmetric"}}, "c0de", {"splits.csv": "5a"})


@pytest.fixture
def output(tmp_path: Path) -> Path:
    path = tmp_path / "labels.csv"
    path.write_text("index,label\n0,1\n")
    write_record(path, Record(**vars(MADE_BY), content=content_of(path)))
    return path


def test_an_output_with_its_record_fits(output: Path) -> None:
    assert misfit(output, MADE_BY) is None
    assert check_whole(output) == content_of(output)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"settings": {"noise": {"rate": 0.3, "kind": "symmetric"}}},
            "made with noise.rate 0.2, the study has 0.3",
        ),
        ({"settings": {"noise": {"rate": 0.2}}}, 'made with noise.kind "symmetric", the study has null'),
        ({"settings": {"noise": {"rate": True, "kind": "symmetric"}}}, "the study has true"),
        ({"code": "other"}, "made by other code (c0de, now other)"),
        ({"step": "split_data"}, "noise_labels made it, not split_data"),
        ({"inputs": {"splits.csv": "b5"}}, "made from another splits.csv (5a, now b5)"),
        ({"inputs": {"splits.csv": "5a", "data": "d0"}}, "made without data"),
        ({"inputs": {}}, "made from splits.csv, which is no input any more"),
    ],
)
def test_another_making_is_named(output: Path, change: dict, words: str) -> None:
    found = misfit(output, replace(MADE_BY, **change))
    assert found is not None
    assert words in found.words
    assert found.kind == ("foreign" if "step" in change else "stale")


def test_an_edited_output_is_found(output: Path) -> None:
    output.write_text("index,label\n0,2\n")
    assert misfit(output, MADE_BY) == ("edited", "it was changed after noise_labels wrote it")
    with pytest.raises(
        StudyError, match="changed after noise_labels wrote it.* as its record says.*run the study"
    ):
        check_whole(output)


def test_an_output_whose_record_is_lost_or_edited_is_of_unknown_origin(output: Path) -> None:
    record = json.loads(record_path(output).read_text())
    record["settings"]["noise"]["rate"] = 0.3
    record_path(output).write_text(json.dumps(record))
    assert read_record(output) is None
    assert misfit(output, MADE_BY) == ("foreign", "nothing says what made it")
    record_path(output).unlink()
    with pytest.raises(StudyError, match="nothing says what made"):
        check_whole(output)


def test_a_record_of_another_output_is_refused(output: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("index,label\n0,3\n")
    record_path(other).write_bytes(record_path(output).read_bytes())
    assert misfit(other, MADE_BY) == ("edited", "it was changed after noise_labels wrote it")


def test_a_folder_is_known_by_its_manifests(tmp_path: Path) -> None:
    store = tmp_path / "store"
    (store / "5").mkdir(parents=True)
    with pytest.raises(StudyError, match=r"has no manifest\.json"):
        content_of(store)
    (store / "manifest.json").write_text("{}")
    before = content_of(store)
    (store / "5" / "manifest.json").write_text("{}")
    assert content_of(store) != before


def test_a_dataset_is_known_by_its_files_wherever_they_came_from(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.json"
    row = {"file": "a", "sha256": "5a", "source": "a mirror"}
    manifest.write_text(json.dumps({"planned": "p", "files": [row]}))
    before = content_of(manifest)
    manifest.write_text(json.dumps({"planned": "p", "files": [row | {"source": "a folder"}]}))
    assert content_of(manifest) == before
    for other in (row | {"sha256": "b5"}, row | {"file": None}):
        manifest.write_text(json.dumps({"planned": "p", "files": [other]}))
        assert content_of(manifest) != before
    manifest.write_text("{}")
    assert content_of(manifest) != before


def test_what_is_no_file_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="cannot be read: no such file"):
        content_of(tmp_path / "nothing")


def test_values_are_compared_as_json_gives_them_back() -> None:
    assert plain({"a": (1, {2: None})}) == {"a": [1, {"2": None}]}
