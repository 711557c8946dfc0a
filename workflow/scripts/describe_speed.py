"""Make ratios of the timing study's clock readings."""

from hydra_steps.evaluation.speed import describe_speed
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    describe_speed(measurements=snakemake.input.measurements, output=snakemake.output[0])
