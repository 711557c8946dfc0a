"""Data of a study: datasets by name, verified raw files, splits, label noise, and the arrays of a run."""

from hydra_steps.data.fetch import fetch_data
from hydra_steps.data.noise import draw_targets, noise_labels, realised_transition
from hydra_steps.data.raw import Part, RawFile
from hydra_steps.data.run_data import RunData, Split, load_run_data
from hydra_steps.data.splits import split_data
from hydra_steps.data.tables import read_labels, read_splits

__all__ = [
    "Part",
    "RawFile",
    "RunData",
    "Split",
    "draw_targets",
    "fetch_data",
    "load_run_data",
    "noise_labels",
    "read_labels",
    "read_splits",
    "realised_transition",
    "split_data",
]
