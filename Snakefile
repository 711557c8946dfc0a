# A study of training-data attribution: from raw data to a report.
#
#   snakemake --cores all                                     the quick study
#   snakemake --cores all --configfile config/<study>.yaml    another one; config/README.md explains every key
#   snakemake -n                                              what would be done
#   snakemake figures | tables | report                       a part of it


include: "workflow/Snakefile"


# A file that only includes has none of its own, and Snakemake would find nothing to do.
if workflow.modifier.is_main_snakefile():
    workflow.default_target = "all"
