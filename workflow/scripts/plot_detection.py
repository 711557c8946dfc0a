"""Draw how well wrong labels are found."""

import json

from hydra_steps.figures.detection import plot_detection
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    plot_detection(
        table=snakemake.input.table,
        noise=snakemake.input.noise,
        outputs=list(snakemake.output),
        methods=json.loads(snakemake.params.methods),
        style=json.loads(snakemake.params.style),
    )
