"""Hold the paper's claims about speed and scale against the timing study's tables."""

from hydra_steps.benchmark.speed_claims import evaluate_speed_claims
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    evaluate_speed_claims(
        speed=snakemake.input.speed,
        scaling=snakemake.input.scaling,
        conditions=snakemake.params.conditions,
        output=snakemake.output[0],
    )
