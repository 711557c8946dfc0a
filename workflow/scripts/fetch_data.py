"""Fetch and verify the raw files of a dataset."""

from pathlib import Path

from hydra_steps.data import fetch_data
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    fetch_data(
        name=snakemake.wildcards.dataset,
        folder=Path(snakemake.output[0]).parents[1],
        planned=snakemake.params.content,
        output=snakemake.output[0],
    )
