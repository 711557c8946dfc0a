# From a dataset's name to the splits and labels of each run.

import re

from hydra_steps.plan.contents import data_content
from hydra_steps.plan.steps import noise_settings, split_settings


wildcard_constraints:
    dataset="[A-Za-z0-9_]+",
    folder="|".join({re.escape(run_config(STUDY, run)["data"]["folder"]) for run in RUNS}),


# Nodes of a cluster may have no network.
localrules:
    save_study,
    fetch_data,


rule save_study:
    output:
        f"{OUT}/config.yaml",
    log:
        f"{OUT}/logs/save_study.log",
    conda:
        ENVIRONMENT
    params:
        **{key: value for key, value in STUDY.items() if key != "results"},
        results=lambda wildcards: STUDY["results"],  # no prefix of a file that the lint should know
    message:
        "Write the complete configuration"
    script:
        "../scripts/save_study.py"


# Whatever its code: verified files are not fetched again. Files that changed are.
rule fetch_data:
    output:
        "{folder}/{dataset}/manifest.json",
    log:
        "{folder}/{dataset}/fetch_data.log",
    conda:
        ENVIRONMENT
    params:
        content=lambda wildcards: data_content(wildcards.dataset, wildcards.folder),
    message:
        "Fetch and verify {wildcards.dataset}"
    script:
        "../scripts/fetch_data.py"


rule split_data:
    input:
        data=raw_data,
    output:
        f"{RUN}/splits.csv",
    log:
        f"{OUT}/logs/split_data/{{run}}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes("split_data"),
        runtime=minutes("split_data"),
    params:
        data=lambda wildcards: split_settings(STUDY, wildcards.run),
        code=code("data.splits", "dataset"),
    message:
        "Draw the splits of {wildcards.run}"
    script:
        "../scripts/split_data.py"


rule noise_labels:
    input:
        data=raw_data,
        splits=f"{RUN}/splits.csv",
    output:
        f"{RUN}/labels.csv",
    log:
        f"{OUT}/logs/noise_labels/{{run}}.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=megabytes("noise_labels"),
        runtime=minutes("noise_labels"),
    params:
        noise=lambda wildcards: noise_settings(STUDY, wildcards.run),
        code=code("data.noise", "dataset", "noise"),
    message:
        "Put wrong labels into {wildcards.run}"
    script:
        "../scripts/noise_labels.py"
