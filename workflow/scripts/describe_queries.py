"""Say what the study's queries are about."""

from hydra_steps.evaluation.queries import describe_queries
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    describe_queries(scores=list(snakemake.input.scores), output=snakemake.output[0])
