"""Train a run anew without shares of the samples, as a score or a control orders them."""

from hydra_steps.counterfactual.subsets import retrain_subsets
from hydra_steps.jobs import job
from hydra_steps.provenance.recorded import recorded

with job(snakemake.log[0]), recorded(snakemake):
    retrain_subsets(
        trajectory=snakemake.input.trajectory,
        splits=snakemake.input.splits,
        labels=snakemake.input.labels,
        label=snakemake.wildcards.label,
        query=snakemake.params.query,
        fractions=snakemake.params.fractions,
        sides=snakemake.params.sides,
        seeds=snakemake.params.seeds,
        empty_class=snakemake.params.empty_class,
        output=snakemake.output[0],
        scores=snakemake.input.scores or None,
    )
