"""A store that is not what training wrote is refused, with one message that names what is wrong.

Every file of a real trajectory is cut, emptied, deleted, and changed in one byte at its start, middle, end and two
other places; attributes and manifests are edited by hand. The count of results wrongly accepted is to be 0.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hydra_steps.errors import StudyError
from hydra_steps.trajectory.store import TrajectoryStore
from hydra_steps.trajectory.trajectory import Trajectory
from tests.helpers.contents import content, wrongly_accepted
from tests.helpers.recorded import configuration, train
from tests.helpers.tiny import tiny_data


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("original")
    train(str(folder / "scratch"), str(folder / "trajectory"), keep={"every": 2}, block_bytes=4096)
    return folder / "trajectory"


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "trajectory"))


def read_all(folder: Path) -> None:
    """Read a trajectory as the scorers do, with every array of it."""
    trajectory = Trajectory.open(folder, tiny_data())
    for _ in trajectory.segments(reverse=True):
        pass
    TrajectoryStore.open(folder).verify()


def flip(place: float) -> Callable[[bytearray], None]:
    def damage(data: bytearray) -> None:
        data[min(int(place * len(data)), len(data) - 1)] ^= 1

    return damage


def cut(keep: Callable[[int], int]) -> Callable[[bytearray], None]:
    def damage(data: bytearray) -> None:
        del data[keep(len(data)) :]

    return damage


DAMAGES: dict[str, Callable[[bytearray], None] | None] = {
    "flipped first byte": flip(0),
    "flipped middle byte": flip(0.5),
    "flipped last byte": flip(1),
    "flipped byte at a third": flip(1 / 3),
    "flipped byte at nine tenths": flip(0.9),
    "cut in half": cut(lambda size: size // 2),
    "cut by one byte": cut(lambda size: size - 1),
    "emptied": cut(lambda size: 0),
    "longer by one byte": lambda data: data.extend(b"\0"),
    "deleted": None,
}


def test_the_original_is_whole(original: Path) -> None:
    read_all(original)


@pytest.mark.parametrize("name", DAMAGES)
def test_no_damaged_file_is_accepted(original: Path, copy: Path, name: str) -> None:
    damage, whole, survived = DAMAGES[name], content(original), []
    for file in whole:
        path = copy / file
        data = bytearray(whole[file])
        if damage is None:
            path.unlink()
        else:
            damage(data)
            path.write_bytes(data)
        try:
            accepted = wrongly_accepted(copy, whole)
        except Exception as error:
            raise AssertionError(f"{file}, {name}: not one clear message but {error!r}") from error
        if accepted and not _same_meaning(file, bytes(data), whole[file]):
            survived.append(file)
        path.write_bytes(whole[file])
    assert survived == []


def _same_meaning(file: str, found: bytes, expected: bytes) -> bool:
    """Whether a changed JSON file says the same, as without the end of its last line."""
    try:
        return file.endswith(".json") and json.loads(found) == json.loads(expected)
    except ValueError:
        return False


def test_a_flipped_byte_names_its_block(original: Path, copy: Path) -> None:
    generator = random.Random(0)
    blocks = sorted((copy / "store.zarr" / "parameters" / "c").glob("*/0"))
    assert len(blocks) > 1
    path = generator.choice(blocks)
    data = bytearray(path.read_bytes())
    data[generator.randrange(len(data) // 2)] ^= 1 << generator.randrange(8)
    path.write_bytes(data)
    with pytest.raises(
        StudyError, match=f"block {path.parent.name} of .*parameters was changed.*train again"
    ):
        read_all(copy)


def test_a_cut_and_a_missing_block_are_named_on_opening(copy: Path) -> None:
    path = copy / "store.zarr" / "slots" / "c" / "1" / "0" / "0"
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(StudyError, match=rf"block 1 of .*slots has {size - 4} bytes instead of {size}"):
        TrajectoryStore.open(copy)
    path.unlink()
    with pytest.raises(StudyError, match=r"block 1 of .*slots is missing"):
        TrajectoryStore.open(copy)


def edit_attributes(folder: Path, change: Callable[[dict], None]) -> None:
    path = folder / "store.zarr" / "zarr.json"
    group = json.loads(path.read_text())
    change(group["attributes"])
    path.write_text(json.dumps(group))


def test_every_deleted_attribute_is_named(original: Path, copy: Path) -> None:
    names = list(TrajectoryStore.open(original).attributes)
    assert {"config", "seed", "layout", "data_digest", "versions", "device", "threads", "complete"} <= set(
        names
    )
    for name in names:
        edit_attributes(copy, lambda attributes, name=name: attributes.pop(name))
        with pytest.raises(
            StudyError, match={"complete": "not finished", "schema_version": "None"}.get(name, name)
        ):
            read_all(copy)
        shutil.copy(original / "store.zarr" / "zarr.json", copy / "store.zarr" / "zarr.json")


def test_a_changed_and_an_added_attribute_are_named(copy: Path) -> None:
    edit_attributes(copy, lambda attributes: attributes["config"]["training"].update(epochs=9))
    with pytest.raises(StudyError, match="attribute 'config' was changed"):
        read_all(copy)


def test_an_older_schema_is_refused_with_both_versions(copy: Path) -> None:
    edit_attributes(copy, lambda attributes: attributes.update(schema_version=0))
    with pytest.raises(StudyError, match=r"schema version 0.*version 1"):
        read_all(copy)


def test_a_missing_array_is_named(copy: Path) -> None:
    shutil.rmtree(copy / "store.zarr" / "slots")
    with pytest.raises(StudyError, match=r"slots.*is missing"):
        read_all(copy)


def test_the_manifest_of_another_training_does_not_fit(original: Path, copy: Path, tmp_path: Path) -> None:
    train(str(tmp_path / "scratch"), str(tmp_path / "other"), keep={"every": 2}, learning_rate=0.2)
    shutil.copy(tmp_path / "other" / "manifest.json", copy / "manifest.json")
    with pytest.raises(StudyError, match="attribute 'config' was changed"):
        read_all(copy)


def test_blocks_of_another_training_do_not_fit(copy: Path, tmp_path: Path) -> None:
    train(
        str(tmp_path / "scratch"),
        str(tmp_path / "other"),
        keep={"every": 2},
        block_bytes=4096,
        learning_rate=0.2,
    )
    block = Path("store.zarr", "parameters", "c", "1", "0")
    shutil.copy(tmp_path / "other" / block, copy / block)
    with pytest.raises(StudyError, match="block 1 of .*parameters was changed"):
        read_all(copy)


def test_no_store_at_all(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="there is no trajectory"):
        Trajectory.open(tmp_path / "nowhere", tiny_data())


def test_labels_changed_after_training(original: Path) -> None:
    data = replace(tiny_data(), digest="1" * 64)
    with pytest.raises(StudyError, match=r"trained on data of digest 000.*train again"):
        Trajectory.open(original, data)


def test_a_replay_that_ends_elsewhere_names_step_and_cause(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trajectory = Trajectory.open(copy, configuration()[1])
    step = type(trajectory.process).step

    def nudged(self, state, at, *rest):
        state, losses, gradient = step(self, state, at, *rest)
        parameters = state.parameters.clone()
        parameters[0] += 1e-9
        return type(state)(parameters, state.slots, state.buffers), losses, gradient

    monkeypatch.setattr(type(trajectory.process), "step", nudged)
    with pytest.raises(StudyError, match=r"replay of steps 0 to 2 .*threads"):
        list(trajectory.segments())
