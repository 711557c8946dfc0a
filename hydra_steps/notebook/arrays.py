"""Results as labelled arrays: dimensions by name, samples and queries by theirs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

SIGN = "-df/dw: positive where the sample helps, and its removal raises the query"


def contributions_array(
    values: np.ndarray, queries: Sequence[str], names: Sequence[object] | None = None, **attributes: object
) -> xr.DataArray:
    """Return contributions [q, n] as an array [query, sample]; ``names`` of the samples, by default their positions."""
    return xr.DataArray(
        values,
        dims=("query", "sample"),
        coords={"query": list(queries), "sample": list(range(values.shape[1]) if names is None else names)},
        name="contribution",
        attrs={"meaning": SIGN, **attributes},
    )


def changes_array(values: Sequence[Sequence[float]] | np.ndarray, queries: Sequence[str]) -> xr.DataArray:
    """Return changes of queries [g, q] as an array [group, query]."""
    return xr.DataArray(
        np.asarray(values, np.float64).reshape(-1, len(queries)),
        dims=("group", "query"),
        coords={"query": list(queries)},
        name="change",
        attrs={"meaning": "the query without the group, less the query with all samples"},
    )


def predicted_changes(scores: xr.DataArray, groups: Sequence[Sequence[int]]) -> xr.DataArray:
    """Return the change that contributions [query, sample] predict for the removal of each group [group, query].

    To first order the change is the sum of the group's contributions; positions count, not names.

    >>> scores = contributions_array(np.array([[1.0, 2.0, 4.0]]), ["f"])
    >>> predicted_changes(scores, [[0, 2]]).values
    array([[5.]])
    """
    rows = [scores.values[:, list(group)].sum(1) for group in groups]
    return changes_array(rows, [str(name) for name in scores["query"].values])


def lds(predicted: xr.DataArray, real: xr.DataArray) -> xr.DataArray:
    """Return the linear datamodelling score of each query [query]: Spearman's correlation over the groups."""
    from scipy.stats import spearmanr

    found = [
        float(spearmanr(predicted.sel(query=name), real.sel(query=name)).statistic)
        for name in real["query"].values
    ]
    return xr.DataArray(found, dims=("query",), coords={"query": real["query"].values}, name="lds")
