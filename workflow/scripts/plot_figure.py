"""Draw a figure from the tables that are this job's named inputs."""

from hydra_steps.figures.draw import draw_figure
from hydra_steps.figures.style import Style
from hydra_steps.jobs import job
from hydra_steps.provenance.recorded import recorded

with job(snakemake.log[0]), recorded(snakemake):
    draw_figure(
        snakemake.wildcards.figure,
        dict(snakemake.input.items()),
        outputs=list(snakemake.output),
        methods=snakemake.params.methods,
        style=Style.of(snakemake.params.style),
    )
