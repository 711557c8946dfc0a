"""Score the training samples of a run by one method."""

from hydra_steps.config.study import Method
from hydra_steps.jobs import job
from hydra_steps.provenance.recorded import recorded
from hydra_steps.scoring.score_samples import score_samples

with job(snakemake.log[0]), recorded(snakemake):
    score_samples(
        label=snakemake.wildcards.method,
        method=Method.of(snakemake.params.options),
        queries=snakemake.params.queries,
        trajectory=snakemake.input.trajectory,
        splits=snakemake.input.splits,
        labels=snakemake.input.labels,
        output=snakemake.output[0],
        by_epoch=snakemake.params.by_epoch,
    )
