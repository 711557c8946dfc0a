"""Whether a study's data are still what it was made from: the content of each dataset's files, as a plan finds it.

The rule that fetches a dataset has it among its params, and writes the manifest again where it changed. All that reads
the data has the manifest among its inputs, so that it runs again, too.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from hydra_steps.config.datasets import dataset
from hydra_steps.config.descriptions import CHANGED, described_by, prepared_folder
from hydra_steps.config.runs import PlainStudy, run_config, run_names
from hydra_steps.config.sources import source_settings
from hydra_steps.contents import changes_since_manifest, planned_by
from hydra_steps.registry import active_plugins


def data_content(name: str, folder: str) -> str:
    """Return the text by which a plan knows the content of a dataset, one and the same while this process lives."""
    return _content(name, folder, active_plugins())


def changed_data(study: PlainStudy) -> list[str]:
    """Return a sentence for each dataset of the study whose files are no longer those that were read."""
    data = [run_config(study, run)["data"] for run in run_names(study)[:: len(study["seeds"])]]
    prepared = {prepared_folder(**source_settings(one)) for one in data if described_by(one["name"])}
    data = [one for one in data if not described_by(one["name"])]
    used = dict.fromkeys((of_run["name"], of_run["folder"]) for of_run in data)
    changed = {
        (name, folder): changes_since_manifest(Path(folder) / name, dataset(name).reads)
        for name, folder in used
    }
    described = [words for folder, words in CHANGED.items() if folder in prepared]
    return described + [
        f"Changed since {name} was read from {Path(folder) / name}: {files}. "
        "What was made from it is made again."
        for (name, folder), files in changed.items()
        if files
    ]


@cache
def _content(name: str, folder: str, plugins: tuple[tuple[str, Path], ...]) -> str:
    return planned_by(Path(folder) / name, dataset(name).reads)
