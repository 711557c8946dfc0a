"""Draw the splits of a run."""

from hydra_steps.data import split_data
from hydra_steps.jobs import job
from hydra_steps.provenance.recorded import recorded
from hydra_steps.queries.expansion import splits_by_class

with job(snakemake.log[0]), recorded(snakemake):
    # No parameter of the rule: queries decide whether splits will do, not which they are, and draw none anew.
    asked = splits_by_class(snakemake.config["queries"])
    split_data(**snakemake.params.data, every_class=asked, output=snakemake.output[0])
