"""Train the model of a run and record its trajectory."""

from hydra_steps.config.sections import OF_TRAINING, RunSettings
from hydra_steps.jobs import job
from hydra_steps.provenance.recorded import recorded
from hydra_steps.trajectory.training import train_model

with job(snakemake.log[0]), recorded(snakemake):
    train_model(
        settings=RunSettings.of({name: snakemake.params[name] for name in OF_TRAINING}),
        splits=snakemake.input.splits,
        labels=snakemake.input.labels,
        output=snakemake.output[0],
    )
