# From a dataset's name to the splits and labels of each run.


rule save_study:
    output:
        f"{OUT}/config.yaml",
    log:
        f"{OUT}/logs/save_study.log",
    conda:
        ENVIRONMENT
    params:
        study=canonical_json(STUDY),
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
    script:
        "../scripts/fetch_data.py"


rule split_data:
    input:
        code("data.splits"),
        dataset_code,
        manifest=manifest,
    output:
        f"{RUN}/splits.csv",
    log:
        f"{OUT}/logs/split_data/{{run}}.log",
    conda:
        ENVIRONMENT
    params:
        data=split_options,
    script:
        "../scripts/split_data.py"


rule noise_labels:
    input:
        code("data.noise"),
        dataset_code,
        splits=f"{RUN}/splits.csv",
    output:
        f"{RUN}/labels.csv",
    log:
        f"{OUT}/logs/noise_labels/{{run}}.log",
    conda:
        ENVIRONMENT
    params:
        noise=noise_options,
    script:
        "../scripts/noise_labels.py"
