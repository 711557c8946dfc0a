"""Fetch and verify the raw files of a dataset."""

from hydra_steps.data import fetch_data
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    fetch_data(
        name=snakemake.wildcards.dataset,
        folder=snakemake.wildcards.folder,
        planned=snakemake.params.content,
        output=snakemake.output[0],
    )
