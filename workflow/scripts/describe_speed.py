"""Make ratios and fits of the timing study's clock readings."""

from hydra_steps.benchmark.speed import describe_speed
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    describe_speed(
        readings=snakemake.input.readings,
        memory=snakemake.input.memory,
        all_samples=snakemake.params.all_samples,
        speed=snakemake.output.speed,
        scaling=snakemake.output.scaling,
    )
