"""Write the page and the summary of an audit."""

from hydra_steps.explorer.write_audit import write_audit
from hydra_steps.jobs import job
from hydra_steps.provenance.recorded import recorded

with job(snakemake.log[0]), recorded(snakemake):
    write_audit(
        config=snakemake.input.config,
        splits=snakemake.input.splits,
        labels=snakemake.input.labels,
        predictions=snakemake.input.predictions,
        tables=snakemake.input.tables,
        figures=snakemake.input.figures,
        output=snakemake.output.page,
        summary=snakemake.output.summary,
    )
