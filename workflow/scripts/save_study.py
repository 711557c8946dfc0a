"""Write the resolved study beside its results."""

from hydra_steps.config import save_study
from hydra_steps.jobs import job
from hydra_steps.provenance.recorded import recorded

with job(snakemake.log[0]), recorded(snakemake):
    save_study(study=dict(snakemake.params.items()), output=snakemake.output[0])
