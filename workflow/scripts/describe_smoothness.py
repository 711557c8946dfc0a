"""Say per run whether its training map is smooth."""

from hydra_steps.evaluation.smoothness import describe_smoothness
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    describe_smoothness(measurements=snakemake.input.measurements, output=snakemake.output[0])
