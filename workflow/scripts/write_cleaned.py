"""Write the data as people decided about them, in the form in which they came."""

from hydra_steps.audit.cleaned import write_cleaned
from hydra_steps.jobs import job
from hydra_steps.provenance.recorded import recorded

with job(snakemake.log[0]), recorded(snakemake):
    write_cleaned(
        splits=snakemake.input.splits,
        labels=snakemake.input.labels,
        decisions=[snakemake.input.decisions]
        if isinstance(snakemake.input.decisions, str)
        else list(snakemake.input.decisions),
        **snakemake.params.data,
        output=snakemake.output[0],
    )
