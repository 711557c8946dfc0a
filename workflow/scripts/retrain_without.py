"""Re-train a run without each of a batch of groups of samples."""

from hydra_steps.counterfactual.retraining import retrain_without
from hydra_steps.jobs import job
from hydra_steps.provenance.recorded import recorded

with job(snakemake.log[0]), recorded(snakemake):
    retrain_without(
        trajectory=snakemake.input.trajectory,
        splits=snakemake.input.splits,
        labels=snakemake.input.labels,
        queries=snakemake.params.queries,
        name=snakemake.wildcards.design,
        design=snakemake.params.design,
        **snakemake.params.groups,
        output=snakemake.output[0],
        scores=snakemake.input.scores or None,
    )
