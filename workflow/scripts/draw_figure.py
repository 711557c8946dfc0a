"""Draw a figure from the tables that are this job's named inputs."""

import json
from pathlib import Path

from hydra_steps.figures.draw import draw_figure
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    draw_figure(
        Path(snakemake.output[0]).stem,
        dict(snakemake.input.items()),
        outputs=list(snakemake.output),
        methods=json.loads(snakemake.params.methods),
        style=json.loads(snakemake.params.style),
    )
