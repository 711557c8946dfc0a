"""Compare exact HyDRA's derivative with small real steps of the data weights."""

from hydra_steps.counterfactual.smoothness import measure_smoothness
from hydra_steps.jobs import job
from hydra_steps.provenance.recorded import recorded

with job(snakemake.log[0]), recorded(snakemake):
    measure_smoothness(
        trajectory=snakemake.input.trajectory,
        splits=snakemake.input.splits,
        labels=snakemake.input.labels,
        scores=snakemake.input.scores,
        queries=snakemake.params.queries,
        options=snakemake.params.options,
        output=snakemake.output[0],
    )
