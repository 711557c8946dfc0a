# From a dataset's name to the splits and labels of each run.


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
        study=json.dumps(STUDY),  # in the order of the study: that of its methods matters
    message:
        "Write the complete configuration"
    script:
        "../scripts/save_study.py"


# Without its modules as inputs: verified files are not fetched again.
rule fetch_data:
    output:
        "{folder}/{dataset}/manifest.json",
    log:
        "{folder}/{dataset}/fetch_data.log",
    conda:
        ENVIRONMENT
    message:
        "Fetch and verify {wildcards.dataset}"
    script:
        "../scripts/fetch_data.py"


rule split_data:
    input:
        chosen_code("data.splits", "data"),
        manifest=manifest,
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
        data=split_options,
    message:
        "Draw the splits of {wildcards.run}"
    script:
        "../scripts/split_data.py"


rule noise_labels:
    input:
        chosen_code("data.noise", "data", "noise"),
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
        noise=noise_options,
    message:
        "Put wrong labels into {wildcards.run}"
    script:
        "../scripts/noise_labels.py"
