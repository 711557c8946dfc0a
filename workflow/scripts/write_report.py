"""Write the report of the study."""

from hydra_steps.jobs import job
from hydra_steps.provenance.recorded import recorded
from hydra_steps.report.write_report import write_report

with job(snakemake.log[0]), recorded(snakemake):
    write_report(
        config=snakemake.input.config,
        tables=snakemake.input.tables,
        figures=snakemake.input.figures,
        manifests=[f"{trajectory}/manifest.json" for trajectory in snakemake.input.trajectories],
        output=snakemake.output[0],
        left_over=snakemake.params.left_over,
    )
