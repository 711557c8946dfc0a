"""Write the page that shows single samples."""

from hydra_steps.explorer.write_explorer import write_explorer
from hydra_steps.jobs import job
from hydra_steps.provenance.recorded import recorded

with job(snakemake.log[0]), recorded(snakemake):
    write_explorer(
        config=snakemake.input.config,
        splits=snakemake.input.splits,
        labels=snakemake.input.labels,
        predictions=snakemake.input.predictions,
        scores=snakemake.input.scores,
        suspects=next(iter(snakemake.input.suspects), None),
        held_out=next(iter(snakemake.input.held_out), None),
        output=snakemake.output[0],
    )
