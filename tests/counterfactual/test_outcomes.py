"""The store of outcomes: ragged groups survive, and nothing unfinished or altered is read."""

import numpy as np
import pytest
import zarr

from hydra_steps.counterfactual.outcomes import read_outcomes, write_outcomes
from hydra_steps.errors import StudyError
from tests.helpers.queries import queries_named


def write(path, removed, queries=("a", "b")):
    count = len(removed)
    write_outcomes(
        path,
        queries=queries_named(queries),
        group=range(3, 3 + count),
        removed=[np.array(r, np.int64) for r in removed],
        value=np.arange(count * len(queries), dtype=float).reshape(count, len(queries)) / 3,
        base_value=np.ones(len(queries)),
        test_metric=np.full(count, 0.5),
        final_loss=np.full(count, np.nan),
        attributes={"design": "d", "kind": "random_groups", "fraction": 0.1},
    )


@pytest.mark.parametrize("removed", [[], [[5]], [[1, 2, 3], [], [0]]])
@pytest.mark.parametrize("queries", [("a",), ("a", "b")])
def test_reads_what_was_written(tmp_path, removed, queries):
    write(tmp_path / "s", removed, queries)
    found = read_outcomes(tmp_path / "s")
    assert [r.tolist() for r in found.removed] == removed
    assert found.group.tolist() == list(range(3, 3 + len(removed)))
    assert found.names == queries
    assert found.change.shape == (len(removed), len(queries))
    assert np.array_equal(found.change, found.value - 1)


def test_equal_content_equal_bytes(tmp_path):
    for name in "ab":
        write(tmp_path / name, [[1], [2, 3]])
    files = [
        {p.relative_to(tmp_path / n): p.read_bytes() for p in (tmp_path / n).rglob("*") if p.is_file()}
        for n in "ab"
    ]
    assert files[0] == files[1]


def test_unfinished_and_altered_are_refused(tmp_path):
    write(tmp_path / "s", [[1], [2, 3]])
    group = zarr.open_group(str(tmp_path / "s" / "store.zarr"))
    group["removed"][0, 0] = 7
    with pytest.raises(StudyError, match="digest"):
        read_outcomes(tmp_path / "s")
    group.attrs["complete"] = False
    with pytest.raises(StudyError, match="not complete"):
        read_outcomes(tmp_path / "s")
