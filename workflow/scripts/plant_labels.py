"""Plant wrong labels into a copy of a run's training labels."""

from hydra_steps.data.planting import plant_labels
from hydra_steps.jobs import job
from hydra_steps.provenance.recorded import recorded

with job(snakemake.log[0]), recorded(snakemake):
    plant_labels(
        splits_csv=snakemake.input.splits,
        labels_csv=snakemake.input.labels,
        **snakemake.params.planted,
        output=snakemake.output[0],
    )
