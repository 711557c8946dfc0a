"""Score the training samples by one method at the ends of epochs."""

from hydra_steps.config.study import Method
from hydra_steps.jobs import job
from hydra_steps.provenance.recorded import recorded
from hydra_steps.scoring.trace_scores import trace_scores

with job(snakemake.log[0]), recorded(snakemake):
    trace_scores(
        label=snakemake.wildcards.method,
        method=Method.of(snakemake.params.options),
        queries=snakemake.params.queries,
        names=snakemake.params.asked,
        epochs=snakemake.params.epochs,
        trajectory=snakemake.input.trajectory,
        splits=snakemake.input.splits,
        labels=snakemake.input.labels,
        output=snakemake.output[0],
    )
