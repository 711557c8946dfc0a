"""Draw the splits of a run."""

from hydra_steps.data import split_data
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    split_data(**snakemake.params.data, output=snakemake.output[0])
