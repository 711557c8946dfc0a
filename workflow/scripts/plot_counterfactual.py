"""Draw the linear datamodelling scores."""

import json

from hydra_steps.figures.counterfactual import plot_counterfactual
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    plot_counterfactual(
        table=snakemake.input.table,
        outputs=list(snakemake.output),
        methods=json.loads(snakemake.params.methods),
        style=json.loads(snakemake.params.style),
    )
