"""The scores' store: what is written is read, and nothing unfinished or altered is."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import zarr

from hydra_steps.errors import StudyError
from hydra_steps.scoring.store import SIGN, read_scores, write_scores
from hydra_steps.stores import read_extra
from tests.helpers.queries import queries_named

ABOUT = {"method": "hydra_exact", "unit": "query", "options": {"damping": 0.1}, "seconds": 1.5}


def contributions(queries: int, samples: int, dtype=np.float32) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(queries, samples)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("queries", "samples"), [(1, 1), (3, 17), (2, 0), (0, 5)])
def test_reads_what_was_written(tmp_path, queries, samples, dtype):
    c = contributions(queries, samples, dtype)
    names = [f"test_sample_{i}" for i in range(queries)]
    write_scores(tmp_path / "hydra_exact", c, queries_named(names), ABOUT)
    found = read_scores(tmp_path / "hydra_exact")
    assert found.contribution.dtype == dtype
    assert found.contribution.tobytes() == c.tobytes()
    assert found.queries == tuple(queries_named(names))
    assert found.has_unit
    assert found.attributes["sign"] == SIGN
    assert found.attributes["complete"] is True
    for i, name in enumerate(names):
        assert np.array_equal(found.of_query(name), c[i])


def test_chunks_of_many_queries_are_bounded(tmp_path):
    c = contributions(40, 30_000)
    write_scores(tmp_path / "s", c, queries_named([str(i) for i in range(40)]), ABOUT)
    chunks = zarr.open_group(str(tmp_path / "s" / "store.zarr"), mode="r")["contribution"].chunks
    assert chunks == (34, 30_000)
    assert np.array_equal(read_scores(tmp_path / "s").contribution, c)


def test_the_manifest_leaves_the_clock_out(tmp_path):
    c = contributions(1, 4)
    write_scores(tmp_path / "a", c, queries_named(["q"]), ABOUT | {"seconds": 1.0})
    write_scores(tmp_path / "b", c, queries_named(["q"]), ABOUT | {"seconds": 2.0})
    manifests = [(tmp_path / name / "manifest.json").read_bytes() for name in "ab"]
    assert manifests[0] == manifests[1]
    assert json.loads(manifests[0])["options"] == {"damping": 0.1}
    assert read_scores(tmp_path / "b").attributes["seconds"] == 2.0


def test_non_finite_values_survive(tmp_path):
    c = np.array([[np.nan, np.inf, -0.0]])
    write_scores(
        tmp_path / "s", c, queries_named(["q"]), ABOUT | {"diagnostics": {"residual": np.float32("inf")}}
    )
    found = read_scores(tmp_path / "s")
    assert found.contribution.tobytes() == c.tobytes()
    assert found.attributes["diagnostics"] == {"residual": "inf"}


def test_writing_again_replaces(tmp_path):
    write_scores(tmp_path / "s", contributions(2, 9), queries_named(["a", "b"]), ABOUT)
    write_scores(tmp_path / "s", contributions(1, 3), queries_named(["c"]), ABOUT)
    assert read_scores(tmp_path / "s").names == ("c",)


def test_further_arrays_and_the_samples_that_were_tracked(tmp_path):
    c = np.array([[np.nan, 1.0, np.nan, 2.0]])
    norms = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
    write_scores(
        tmp_path / "s", c, queries_named(["q"]), ABOUT, {"tracked": np.array([3, 1]), "sweep_norm": norms}
    )
    found = read_scores(tmp_path / "s")
    assert found.scored.tolist() == [1, 3]
    assert np.array_equal(read_extra(tmp_path / "s", "sweep_norm"), norms)
    assert read_extra(tmp_path / "s", "nothing") is None
    zarr.open_group(str(tmp_path / "s" / "store.zarr"))["sweep_norm"][0, 0] = 7
    with pytest.raises(StudyError, match="sweep_norm"):
        read_extra(tmp_path / "s", "sweep_norm")
    write_scores(tmp_path / "all", c, queries_named(["q"]), ABOUT)
    assert read_scores(tmp_path / "all").scored.tolist() == [0, 1, 2, 3]


def test_an_absent_store_is_refused(tmp_path):
    with pytest.raises(StudyError, match="no Zarr store"):
        read_scores(tmp_path / "nothing")


def test_an_unfinished_store_is_refused(tmp_path):
    write_scores(tmp_path / "s", contributions(1, 4), queries_named(["q"]), ABOUT)
    group = zarr.open_group(str(tmp_path / "s" / "store.zarr"))
    group.attrs["complete"] = False
    with pytest.raises(StudyError, match="not complete"):
        read_scores(tmp_path / "s")


def test_altered_content_is_refused(tmp_path):
    write_scores(tmp_path / "s", contributions(1, 4), queries_named(["q"]), ABOUT)
    zarr.open_group(str(tmp_path / "s" / "store.zarr"))["contribution"][0, 2] = 7
    with pytest.raises(StudyError, match="digest"):
        read_scores(tmp_path / "s")


def test_a_manifest_of_another_store_is_refused(tmp_path):
    write_scores(tmp_path / "a", contributions(1, 4), queries_named(["q"]), ABOUT)
    write_scores(tmp_path / "b", 2 * contributions(1, 4), queries_named(["q"]), ABOUT)
    (tmp_path / "a" / "manifest.json").write_bytes((tmp_path / "b" / "manifest.json").read_bytes())
    with pytest.raises(StudyError, match="manifest"):
        read_scores(tmp_path / "a")
    (tmp_path / "a" / "manifest.json").unlink()
    with pytest.raises(StudyError, match="missing"):
        read_scores(tmp_path / "a")


@pytest.mark.parametrize("name", ["unit", "options", "queries", "seconds"])
def test_attributes_that_were_changed_are_refused(tmp_path, name):
    """In the store and in its manifest alike, and also those that only the store has."""
    write_scores(tmp_path / "s", contributions(1, 4), queries_named(["q"]), ABOUT)
    group = zarr.open_group(str(tmp_path / "s" / "store.zarr"))
    other = {"unit": "rank only", "options": {}, "queries": [], "seconds": 0.5}[name]
    group.attrs[name] = other
    manifest = tmp_path / "s" / "manifest.json"
    listed = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(listed | ({name: other} if name in listed else {})))
    with pytest.raises(StudyError, match="was changed after it was written"):
        read_scores(tmp_path / "s")


def test_an_attribute_that_the_manifest_lost_is_missed(tmp_path):
    write_scores(tmp_path / "s", contributions(1, 4), queries_named(["q"]), ABOUT)
    manifest = tmp_path / "s" / "manifest.json"
    listed = json.loads(manifest.read_text())
    del listed["unit"]
    manifest.write_text(json.dumps(listed))
    with pytest.raises(StudyError, match=r"manifest\.json was changed after it was written"):
        read_scores(tmp_path / "s")


def _truncate(store):
    path = max((p for p in store.rglob("*") if p.is_file()), key=lambda p: p.stat().st_size)
    path.write_bytes(path.read_bytes()[:-8])


@pytest.mark.parametrize(
    "damage",
    [
        _truncate,
        lambda store: (store / "zarr.json").write_text("{"),
        lambda store: (store / "zarr.json").write_bytes(b"\xff"),
        lambda store: (store / "contribution" / "zarr.json").write_text("[]"),
        lambda store: (store / "contribution" / "zarr.json").unlink(),
        lambda store: shutil.rmtree(store / "contribution"),
        lambda store: shutil.rmtree(store / "contribution" / "c"),
    ],
)
def test_a_damaged_store_is_one_message(tmp_path, damage):
    write_scores(tmp_path / "s", contributions(3, 40), queries_named(["a", "b", "c"]), ABOUT)
    damage(tmp_path / "s" / "store.zarr")
    with pytest.raises(StudyError, match=f"delete {tmp_path / 's'} and run the study again"):
        read_scores(tmp_path / "s")


@pytest.mark.parametrize(
    ("c", "queries", "about", "message"),
    [
        (np.zeros(3), ["q"], ABOUT, "shape"),
        (np.zeros((1, 3), np.int64), ["q"], ABOUT, "int64"),
        (np.zeros((2, 3)), ["q"], ABOUT, "one row for each query"),
        (np.zeros((2, 3)), ["q", "q"], ABOUT, "no query twice"),
        (np.zeros((1, 3)), ["q"], ABOUT | {"unit": "loss"}, "unit"),
        (np.zeros((1, 3)), ["q"], {"unit": "query"}, "method"),
    ],
)
def test_bad_scores_are_refused(tmp_path, c, queries, about, message):
    with pytest.raises(StudyError, match=message):
        write_scores(tmp_path / "s", c, queries_named(queries), about)
    assert not (tmp_path / "s").exists()


def test_an_unknown_query_names_the_nearest(tmp_path):
    write_scores(tmp_path / "s", contributions(1, 4), queries_named(["test_mean"]), ABOUT)
    with pytest.raises(StudyError, match="did you mean 'test_mean'"):
        read_scores(tmp_path / "s").of_query("test_means")


@pytest.mark.parametrize(
    "module",
    ["scoring.store", "counterfactual.outcomes"]
    + [f"evaluation.{m}" for m in ("agreement", "counterfactual", "cost", "detection", "noise", "training")],
)
def test_reading_needs_no_torch(module):
    code = f"import sys, hydra_steps.{module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
