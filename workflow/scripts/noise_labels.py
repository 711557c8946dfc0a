"""Put wrong labels into the training split of a run."""

from hydra_steps.data import noise_labels
from hydra_steps.jobs import job
from hydra_steps.provenance.recorded import recorded
from hydra_steps.queries.expansion import splits_by_class

with job(snakemake.log[0]), recorded(snakemake):
    noise_labels(
        splits_csv=snakemake.input.splits,
        **snakemake.params.noise,
        # No parameter of the rule: queries decide whether labels will do, not which they are.
        every_class="train" in splits_by_class(snakemake.config["queries"]),
        output=snakemake.output[0],
    )
