"""Collect what the jobs of each rule took."""

from hydra_steps.evaluation.job_costs import describe_jobs
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    describe_jobs(benchmarks=snakemake.params.benchmarks, output=snakemake.output[0])
