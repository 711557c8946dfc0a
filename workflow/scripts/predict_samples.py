"""Write what the final model says about every sample."""

from hydra_steps.jobs import job
from hydra_steps.provenance.recorded import recorded
from hydra_steps.trajectory.predictions import predict_samples

with job(snakemake.log[0]), recorded(snakemake):
    predict_samples(
        trajectory=snakemake.input.trajectory,
        splits=snakemake.input.splits,
        labels=snakemake.input.labels,
        output=snakemake.output[0],
    )
