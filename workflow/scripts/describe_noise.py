"""Count the labels that became others."""

from hydra_steps.evaluation.noise import describe_noise
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    describe_noise(labels=snakemake.input.labels, output=snakemake.output[0])
