"""Summarise the timing study."""

from hydra_steps.benchmark.speed_summary import summarise_speed
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    summarise_speed(
        speed=snakemake.input.speed,
        scaling=snakemake.input.scaling,
        machines=snakemake.input.machines,
        output=snakemake.output[0],
    )
