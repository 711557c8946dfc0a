"""Make one table."""

from hydra_steps.config.run import Run
from hydra_steps.evaluation.evaluate import evaluate
from hydra_steps.jobs import job
from hydra_steps.provenance.recorded import recorded

with job(snakemake.log[0]), recorded(snakemake):
    evaluate(
        snakemake.params.table,
        inputs={
            name: files if isinstance(files, str) else list(files) for name, files in snakemake.input.items()
        },
        outputs=dict(snakemake.output.items()),
        options=snakemake.params.options,
        runs={name: Run(*parts) for name, parts in snakemake.params.runs.items()},
    )
