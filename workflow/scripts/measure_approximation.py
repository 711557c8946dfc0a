"""Carry hypergradients with and without the Hessian along the training."""

from hydra_steps.jobs import job
from hydra_steps.provenance.recorded import recorded
from hydra_steps.scoring.approximation import measure_approximation

with job(snakemake.log[0]), recorded(snakemake):
    measure_approximation(
        trajectory=snakemake.input.trajectory,
        splits=snakemake.input.splits,
        labels=snakemake.input.labels,
        tracked=snakemake.params.tracked,
        output=snakemake.output[0],
    )
