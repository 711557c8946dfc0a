"""Summarise the timing study."""

from hydra_steps.benchmark.speed_summary import summarise_speed
from hydra_steps.jobs import job
from hydra_steps.provenance.recorded import recorded

with job(snakemake.log[0]), recorded(snakemake):
    summarise_speed(
        speed=snakemake.input.speed,
        scaling=snakemake.input.scaling,
        machines=dict(zip(snakemake.params.runs, snakemake.input.machines, strict=True)),
        output=snakemake.output[0],
    )
