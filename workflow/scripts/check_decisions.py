"""Check what people decided, before anything is made of it."""

from hydra_steps.audit.decisions import check_decisions
from hydra_steps.jobs import job
from hydra_steps.provenance.recorded import recorded

with job(snakemake.log[0]), recorded(snakemake):
    check_decisions(
        splits=snakemake.input.splits,
        labels=snakemake.input.labels,
        predictions=snakemake.input.predictions,
        decisions=[snakemake.input.decisions]
        if isinstance(snakemake.input.decisions, str)
        else list(snakemake.input.decisions),
        classes=snakemake.params.classes,
        output=snakemake.output[0],
    )
