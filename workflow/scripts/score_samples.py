"""Score the training samples of a run by each method that this job has."""

from hydra_steps.config.study import Method
from hydra_steps.jobs import job
from hydra_steps.provenance.recorded import recorded
from hydra_steps.scoring.score_samples import score_samples

with job(snakemake.log[0]), recorded(snakemake):
    score_samples(
        methods={label: Method.of(options) for label, options in snakemake.params.methods.items()},
        queries=snakemake.params.queries,
        trajectory=snakemake.input.trajectory,
        splits=snakemake.input.splits,
        labels=snakemake.input.labels,
        outputs=list(snakemake.output),
        by_epoch=snakemake.params.by_epoch,
    )
