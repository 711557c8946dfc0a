"""The datasets themselves: real shapes, counts and constants; formats that are malformed."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import pickle
import struct
import tarfile

import numpy as np
import pytest
from sklearn.datasets import load_digits

from hydra_steps.config.datasets import dataset
from hydra_steps.config.split_sizes import split_sizes
from hydra_steps.data import RawFile, fetch_data, load_run_data, noise_labels, split_data
from hydra_steps.data.datasets.cifar import ARCHIVE, FOLDER, cifar10, read_cifar_batch
from hydra_steps.data.datasets.digits import digits
from hydra_steps.data.datasets.idx import read_idx
from hydra_steps.data.run_data import read_parts
from hydra_steps.data.scaling import scaling_of, standardise
from hydra_steps.errors import StudyError
from hydra_steps.registry import load, names, use_plugins
from hydra_steps.registry.decorators import REGISTERED
from hydra_steps.registry.plugins import VARIABLE

SMALL = """\
from hydra_steps.data.datasets.cifar import cifar10
from hydra_steps.plugins import dataset


@dataset("small_cifar", classes=list("0123456789"), shape=[3, 32, 32], parts={"train": 20, "test": 4}, files=())
def small_cifar(folder):
    return cifar10(folder)
""".replace('list("0123456789")', str(list("0123456789")))


def test_registry_knows_the_datasets():
    assert {"cifar10", "digits", "fashion_mnist", "mnist"} <= set(names("dataset"))
    with pytest.raises(StudyError, match=r"data\.name: 'mnits' is unknown.*did you mean 'mnist'"):
        dataset("mnits")


def test_digits_are_those_of_scikit_learn(tmp_path):
    part, published = digits(tmp_path)["train"], load_digits()
    assert (part.inputs[:, 0] == published.images).all()
    assert (part.targets == published.target).all()


@pytest.mark.parametrize("name", ["digits", "mnist", "fashion_mnist"])
def test_real_dataset_has_its_counts_and_constants(real_data, name):
    entry, parts = dataset(name), read_parts(name, real_data)
    assert set(parts) == set(entry.parts)
    labels = np.concatenate([part.targets for part in parts.values()])
    assert sorted(set(labels.tolist())) == list(range(len(entry.classes)))
    pixels = parts["train"].inputs / entry.white  # float64: the slow, obvious way
    np.testing.assert_allclose(pixels.mean(axis=(0, 2, 3)), entry.mean, atol=5.1e-5)
    np.testing.assert_allclose(pixels.std(axis=(0, 2, 3)), entry.std, atol=5.1e-5)


def test_mnist_is_mnist(real_data):
    parts = read_parts("mnist", real_data)
    assert parts["train"].targets[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert np.bincount(parts["test"].targets).tolist() == [
        980,
        1135,
        1032,
        1010,
        982,
        892,
        958,
        1028,
        974,
        1009,
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "starts with the bytes"),
        (b"\0\0\x0d\x01" + struct.pack(">I", 1) + b"abcd", "starts with the bytes 00000d01"),
        (b"\0\0\x08\x02" + struct.pack(">I", 3), "says its shape"),
        (b"\0\0\x08\x02" + struct.pack(">I", 3)[:2], "says its shape"),
        (b"\0\0\x08\x01" + struct.pack(">I", 3) + b"ab", "holds 2 values"),
        (b"\0\0\x08\x01" + struct.pack(">I", 3) + b"abcd", "holds 4 values"),
    ],
)
def test_malformed_idx(tmp_path, content, message):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(StudyError, match=message):
        read_idx(tmp_path / "x")


def test_idx_with_no_samples(tmp_path):
    (tmp_path / "x").write_bytes(b"\0\0\x08\x03" + struct.pack(">III", 0, 4, 4))
    assert read_idx(tmp_path / "x").shape == (0, 4, 4)


@pytest.mark.parametrize("spoil", ["missing", "changed"])
def test_raw_files_are_verified_before_use(tiny, write_tiny, tmp_path, spoil):
    path = write_tiny(tmp_path / "tiny") / "train-images-idx3-ubyte"
    if spoil == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(StudyError, match=r"train-images-idx3-ubyte (is missing|has SHA-256).*put the named"):
        read_parts("tiny", tmp_path)


def test_verified_files_of_the_wrong_shape(tiny, write_tiny, tmp_path):
    write_tiny(tmp_path / "tiny")
    tiny(shape=[1, 5, 5])
    with pytest.raises(StudyError, match=r"images uint8 \(30, 1, 4, 3\)"):
        read_parts("tiny", tmp_path)
    tiny(classes=["a", "b"])
    with pytest.raises(StudyError, match="labels from 0 to 2"):
        read_parts("tiny", tmp_path)


class Python2Pickler(pickle._Pickler):  # type: ignore[name-defined]
    """Pickles byte strings as Python 2 did, which is how the published batches are written."""

    dispatch = dict(pickle._Pickler.dispatch)  # type: ignore[attr-defined]

    def save_bytes(self, value):
        self.write(pickle.BINSTRING + struct.pack("<i", len(value)) + value)

    dispatch[bytes] = save_bytes


def batch_bytes(batch: object) -> bytes:
    out = io.BytesIO()
    Python2Pickler(out, protocol=2).dump(batch)
    return out.getvalue().replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")


def write_archive(path, per_batch: int = 4, leave_out: str = ""):
    rng = np.random.default_rng(0)
    images = {}
    with tarfile.open(path, "w:gz") as archive:
        for k, name in enumerate([*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]):
            data = rng.integers(0, 256, (per_batch, 3072), dtype=np.uint8)
            batch = {
                b"batch_label": b"batch",
                b"labels": [(k + i) % 10 for i in range(per_batch)],
                b"data": data,
                b"filenames": [b"x.png"] * per_batch,
            }
            images[name] = data
            content = batch_bytes(batch)
            info = tarfile.TarInfo(f"{FOLDER}/{name}")
            info.size = len(content)
            if name != leave_out:
                archive.addfile(info, io.BytesIO(content))
    return images


def test_cifar10_archive(tmp_path, monkeypatch):
    home = tmp_path / "cifar10"
    home.mkdir()
    images = write_archive(home / ARCHIVE)
    # The published digest refuses the small archive, by name and with the way out.
    with pytest.raises(StudyError, match=rf"{ARCHIVE} has SHA-256 .* 6d958be0.*put the named files into"):
        read_parts("cifar10", tmp_path)
    (tmp_path / "small.py").write_text(SMALL)
    monkeypatch.setenv(VARIABLE, "")
    use_plugins(["small.py"], tmp_path)
    digest = hashlib.sha256((home / ARCHIVE).read_bytes()).hexdigest()
    given = {"files": (RawFile(ARCHIVE, digest, unzip=False),), "sources": ()}
    monkeypatch.setitem(REGISTERED["dataset"], "small_cifar", (load("dataset", "small_cifar"), given))
    home = home.rename(tmp_path / "small_cifar")
    fetch_data("small_cifar", tmp_path)
    assert gzip.decompress((home / ARCHIVE).read_bytes())  # kept as it was published
    parts = read_parts("small_cifar", tmp_path)
    assert parts["train"].targets.tolist() == [(k + i) % 10 for k in range(5) for i in range(4)]
    # Sample 5 is the second one of the second batch; its green plane is the middle third, row by row.
    green = images["data_batch_2"][1, 1024:2048].reshape(32, 32)
    np.testing.assert_array_equal(parts["train"].inputs[5, 1], green)
    np.testing.assert_array_equal(parts["test"].inputs.reshape(4, -1), images["test_batch"])


def test_cifar10_archive_that_is_damaged(tmp_path):
    path = tmp_path / ARCHIVE
    with pytest.raises(StudyError, match="cannot be read"):
        cifar10(tmp_path)
    write_archive(path)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(StudyError, match="cannot be read"):
        cifar10(tmp_path)
    path.write_bytes(b"no archive")
    with pytest.raises(StudyError, match="cannot be read"):
        cifar10(tmp_path)
    write_archive(path, leave_out="data_batch_3")
    with pytest.raises(StudyError, match="data_batch_3"):
        cifar10(tmp_path)


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ([1], "holds list"),
        ({b"labels": [1]}, "holds .*labels"),
        ({b"labels": [1], b"data": np.zeros((1, 3071), np.uint8)}, r"uint8 \(1, 3071\)"),
        ({b"labels": [1], b"data": np.zeros((1, 3072))}, r"float64 \(1, 3072\)"),
        ({b"labels": [1, 2], b"data": np.zeros((1, 3072), np.uint8)}, r"labels \(2,\)"),
    ],
)
def test_cifar10_batch_that_is_malformed(batch, message):
    with pytest.raises(StudyError, match=message):
        read_cifar_batch(batch_bytes(batch), "a batch")


def test_cifar10_batch_runs_no_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "made"), "w"))

    with pytest.raises(StudyError, match="asks for"):
        read_cifar_batch(pickle.dumps(Evil()), "a batch")
    assert not (tmp_path / "made").exists()


OWN = """\
import numpy as np
from hydra_steps.plugins import Part, dataset


@dataset("own", title="my own", classes=["no", "yes"], shape=[2, 3, 3], parts={"train": 40})
def own(folder):
    images = np.random.default_rng(SEED).integers(0, 256, (40, 2, 3, 3), dtype=np.uint8)
    return {"train": Part(images, np.arange(40) % 2)}
"""


def test_a_dataset_without_files_is_read_by_its_function(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "")
    digests = []
    for seed in (0, 0, 1):
        file = tmp_path / f"own_{len(digests)}.py"
        file.write_text(OWN.replace("SEED", str(seed)))
        use_plugins([str(file)])
        (row,) = json.loads(fetch_data("own", tmp_path).read_text())["files"]
        assert (row["file"], row["bytes"], row["source"]) == (None, None, f"hydra_plugin_{file.stem}")
        digests.append(row["sha256"])
    assert digests[0] == digests[1] != digests[2]
    entry = dataset("own")
    assert not entry.fetched
    images = read_parts("own", tmp_path)["train"].inputs
    np.testing.assert_array_equal(
        standardise(images, scaling_of(entry, images)), images.astype(np.float32) / np.float32(255)
    )
    assert split_sizes(dataset("own"), None, 10, 5) == {"train": 25, "validation": 10, "test": 5}


READING = OWN.replace("SEED", "int(folder.joinpath('seed.txt').read_text())")


def test_files_that_change_while_a_study_runs_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "")
    (tmp_path / "own.py").write_text(READING)
    use_plugins(["own.py"], tmp_path)
    home = tmp_path / "own"
    home.mkdir()
    (home / "seed.txt").write_text("1")
    manifest = json.loads(fetch_data("own", tmp_path).read_text())
    assert [row["file"] for row in manifest["files"]] == [None, "seed.txt"]
    assert manifest["files"][1]["bytes"] == 1
    split_data("own", tmp_path, 20, 10, 10, 0, tmp_path / "splits.csv")
    arguments = ("own", tmp_path, tmp_path / "splits.csv", tmp_path / "labels.csv")
    noise_labels(tmp_path / "splits.csv", "own", tmp_path, "none", {}, 0, tmp_path / "labels.csv")
    before = load_run_data(*arguments)
    (home / "seed.txt").write_text("2")
    with pytest.raises(
        StudyError, match=r"own is no longer what the study began with: seed\.txt changed; .*run again"
    ):
        load_run_data(*arguments)
    fetch_data("own", tmp_path)
    assert load_run_data(*arguments).digest != before.digest


def test_what_a_dataset_reads_is_a_list_of_patterns(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "")
    (tmp_path / "own.py").write_text(READING.replace("shape=", 'reads="*.txt", shape='))
    use_plugins(["own.py"], tmp_path)
    with pytest.raises(
        StudyError, match=r"own\.py:\d+: the dataset own has reads '\*\.txt'; expected: a list of"
    ):
        dataset("own")


def test_content_that_ships_with_a_dependency_is_checked(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "")
    (tmp_path / "other.py").write_text(OWN.replace("SEED", "0").replace("shape=", 'bundled="123", shape='))
    use_plugins(["other.py"], tmp_path)
    with pytest.raises(StudyError, match="the content of my own has SHA-256 .*; expected: SHA-256 123;"):
        read_parts("own", tmp_path)
