"""Time training and scoring side by side."""

from hydra_steps.benchmark.time_scoring import time_scoring
from hydra_steps.jobs import job
from hydra_steps.plan.steps import OF_TRAINING

with job(snakemake.log[0]):
    time_scoring(
        run={name: snakemake.params[name] for name in OF_TRAINING},
        splits=snakemake.input.splits,
        labels=snakemake.input.labels,
        options=snakemake.params.options,
        methods=snakemake.params.methods,
        output=snakemake.output.seconds,
    )
