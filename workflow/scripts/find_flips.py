"""Find the smallest groups whose removal flips predictions of a run."""

from hydra_steps.counterfactual.flips import find_flips
from hydra_steps.jobs import job
from hydra_steps.provenance.recorded import recorded

with job(snakemake.log[0]), recorded(snakemake):
    find_flips(
        trajectory=snakemake.input.trajectory,
        splits=snakemake.input.splits,
        labels=snakemake.input.labels,
        label=snakemake.wildcards.label,
        queries=snakemake.params.queries,
        most=snakemake.params.most,
        output=snakemake.output[0],
        scores=snakemake.input.scores or None,
    )
