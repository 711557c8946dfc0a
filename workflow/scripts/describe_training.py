"""Collect loss and accuracy over the epochs."""

from hydra_steps.evaluation.training import describe_training
from hydra_steps.jobs import job

with job(snakemake.log[0]):
    describe_training(trajectories=snakemake.input.trajectories, output=snakemake.output[0])
