# From a dataset's name to the splits and labels of each run.

from hydra_steps.config.descriptions import described_by
from hydra_steps.plan.contents import data_content
from hydra_steps.plan.steps import noise_settings, split_settings

# One rule for each folder that holds data: a pattern for any folder would not know an absolute one under a prefix.
# A user's own data are read when they are planned, and none of these.
FOLDERS = {
    run_config(WRITTEN, run)["data"]["folder"]: run_config(STUDY, run)["data"]["folder"]
    for run in dict.fromkeys(FIRST[run] for run in RUNS)
    if not described_by(run_config(WRITTEN, run)["data"]["name"])
}


wildcard_constraints:
    dataset="[A-Za-z0-9_]+",


# A second; and nodes of a cluster may have no network, which fetch_data below needs.
localrules:
    save_study,


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
for number, (folder, place) in enumerate(FOLDERS.items()):
    FOLDER = folder.replace("{", "{{").replace("}", "}}")

    rule:
        name:
            f"fetch_data_{number}" if number else "fetch_data"
        output:
            f"{FOLDER}/{{dataset}}/manifest.json",
        log:
            f"{FOLDER}/{{dataset}}/fetch_data.log",
        localrule: True
        conda:
            ENVIRONMENT
        params:
            content=lambda wildcards, place=place: data_content(wildcards.dataset, place),
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
    wildcard_constraints:
        run=alternatives(RUNS),
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
