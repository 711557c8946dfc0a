"""Collect what the jobs of each rule took."""

from hydra_steps.evaluation.job_costs import describe_jobs
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    describe_jobs(logs=snakemake.params.logs, output=snakemake.output[0])
