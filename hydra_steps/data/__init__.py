"""Data of a study: datasets by name, verified raw files, splits, label noise, and the arrays of a run."""

from hydra_steps.data.fetch import fetch_data
from hydra_steps.data.noise import check_noise, draw_labels, noise_labels, realised_transition
from hydra_steps.data.noise_kinds import KINDS as NOISE_KINDS
from hydra_steps.data.registry import Dataset, Part, RawFile, dataset, dataset_names, register
from hydra_steps.data.run_data import RunData, Split, load_run_data, run_image_shape
from hydra_steps.data.splits import split_data, split_sizes
from hydra_steps.data.tables import read_labels, read_splits

__all__ = [
    "NOISE_KINDS",
    "Dataset",
    "Part",
    "RawFile",
    "RunData",
    "Split",
    "check_noise",
    "dataset",
    "dataset_names",
    "draw_labels",
    "fetch_data",
    "load_run_data",
    "noise_labels",
    "read_labels",
    "read_splits",
    "realised_transition",
    "register",
    "run_image_shape",
    "split_data",
    "split_sizes",
]
