"""Train anew on the data as people decided about them, and on what else could have been done."""

from hydra_steps.audit.proof import prove_decisions
from hydra_steps.jobs import job
from hydra_steps.provenance.recorded import recorded

with job(snakemake.log[0]), recorded(snakemake):
    prove_decisions(
        trajectory=snakemake.input.trajectory,
        splits=snakemake.input.splits,
        labels=snakemake.input.labels,
        suspects=snakemake.input.suspects,
        decisions=[snakemake.input.decisions]
        if isinstance(snakemake.input.decisions, str)
        else list(snakemake.input.decisions),
        seeds=snakemake.params.seeds,
        output=snakemake.output[0],
    )
