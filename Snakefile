# A study of training-data attribution: from raw data to a report.
#
#   snakemake --cores all                                     the quick study
#   snakemake --cores all --configfile config/<study>.yaml    another one; config/README.md explains every key
#   snakemake -n                                              what would be done
#   snakemake figures | tables | report                       a part of it

import os
import sys

from snakemake.utils import min_version

min_version("9.19")

# The hydra_steps of this checkout, in the jobs too: its code decides what runs again.
sys.path.insert(0, str(workflow.basedir))
os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, [str(workflow.basedir), os.getenv("PYTHONPATH")])))

from hydra_steps.cluster import sign_in, take_over
from hydra_steps.config import check_writable, read_yaml, resolve_study
from hydra_steps.errors import StudyError
from hydra_steps.estimate.memory import require_memory
from hydra_steps.figures.captions import caption_text
from hydra_steps.job_environment import ENVIRONMENT as JOB_ENVIRONMENT
from hydra_steps.locks import hold
from hydra_steps.plan.contents import changed_data
from hydra_steps.plan.figures import plan_figures
from hydra_steps.plan.left_over import left_over, left_over_sentence
from hydra_steps.plan.tables import plan_tables

# On a cluster, too: there the Snakefile is read again where the job runs.
os.environ.update(JOB_ENVIRONMENT | dict(os.environ))

# Only where no other study is asked for: Snakemake merges the files, and two studies must not mix.
if not workflow.configfiles:

    configfile: "config/quickstart.yaml"


try:
    for file in workflow.configfiles:
        read_yaml(file)  # refuses what Snakemake's own reading passes over, such as a key that stands twice
    # Plug-ins lie beside the study.
    STUDY = resolve_study(config, os.path.dirname(os.path.abspath(workflow.configfiles[-1])))
    check_writable(STUDY["results"], STUDY["study"])
    sign_in(f"{STUDY['results']}/{STUDY['study']}")
    TABLES = plan_tables(STUDY)
    FIGURES = plan_figures(STUDY, TABLES)
    for sentence in changed_data(STUDY):
        print(sentence, file=sys.stderr)
    CAPTIONS = {name: caption_text(figure.entry, STUDY) for name, figure in FIGURES.items()}
except StudyError as error:
    raise WorkflowError(str(error)) from None
config.update(STUDY, captions=CAPTIONS)  # for workflow/report/figure.rst


report: "workflow/report/workflow.rst"


onstart:
    try:
        # Snakemake runs the jobs on this machine, or hands them to a cluster, whose machines have memory of their own:
        # the executor tells which. A dry run has an executor of its own, and warns.
        if workflow.local_exec:
            require_memory(STUDY, held_by(list(workflow.dag.needrun_jobs())))
        hold(OUT)
        take_over(OUT)
    except StudyError as error:
        raise WorkflowError(str(error)) from None


onsuccess:
    if sentence := left_over_sentence(left_over(STUDY, TABLES, FIGURES)):
        print(sentence, file=sys.stderr)


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/score.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/plot.smk"
include: "workflow/rules/explore.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/time.smk"


# Seconds each: on a cluster they are no jobs.
localrules:
    all,
    tables,
    figures,
    report,
    benchmark,


rule all:
    default_target: True
    input:
        f"{OUT}/config.yaml",
        made_by("all", TABLES),
        made_by("all", FIGURES),
        EXPLORER,
        f"{OUT}/report.html",


rule tables:
    input:
        made_by("all", TABLES),


rule figures:
    input:
        made_by("all", FIGURES),


rule report:
    input:
        f"{OUT}/report.html",


rule benchmark:
    input:
        f"{OUT}/tables/speed.md",
        made_by("benchmark", TABLES),
        made_by("benchmark", FIGURES),
