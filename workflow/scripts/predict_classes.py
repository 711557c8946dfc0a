"""Write what the final model of a run says about every class of every training sample."""

from hydra_steps.jobs import job
from hydra_steps.provenance.recorded import recorded
from hydra_steps.scoring.class_probabilities import predict_classes

with job(snakemake.log[0]), recorded(snakemake):
    predict_classes(
        trajectory=snakemake.input.trajectory,
        splits=snakemake.input.splits,
        labels=snakemake.input.labels,
        output=snakemake.output[0],
    )
