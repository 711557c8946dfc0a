# How fast: measured alone on the machine, and only where it is asked for (snakemake benchmark).

from hydra_steps.registry.code import code_digest


# Seconds, and beside no clock: where snakemake runs.
localrules:
    summarise_speed,


rule time_scoring:
    input:
        data=raw_data,
        splits=f"{RUN}/splits.csv",
        labels=f"{RUN}/labels.csv",
    output:
        seconds=f"{RUN}/timing/seconds.csv",
        memory=f"{RUN}/timing/memory.csv",
        machine=f"{RUN}/timing/machine.json",
    log:
        f"{OUT}/logs/time_scoring/{{run}}.log",
    conda:
        ENVIRONMENT
    # All cores, though it computes on compute.threads: nothing else is to run beside a clock. On a cluster, where
    # the number of cores may be left open, the whole node.
    threads: workflow.resource_settings.cores or STUDY["compute"]["threads"]
    resources:
        gpu=ACCELERATORS,
        mem_mb=megabytes(f"score_samples: {ARTIFACTS.exact}"),
        runtime=minutes(f"score_samples: {ARTIFACTS.exact}"),
        slurm_extra="--exclusive",
    params:
        **{section: of_run(section) for section in OF_TRAINING},
        options=STUDY["benchmark"],
        methods=STUDY["methods"],
        code=code("benchmark.time_scoring", *TRAINED),
    message:
        "Time training and scoring of {wildcards.run}"
    script:
        "../scripts/time_scoring.py"


rule summarise_speed:
    input:
        speed=f"{OUT}/tables/speed.csv",
        scaling=f"{OUT}/tables/scaling.csv",
        machines=expand(f"{RUN}/timing/machine.json", run=ARTIFACTS.timed_runs),
    output:
        f"{OUT}/tables/speed.md",
    log:
        f"{OUT}/logs/summarise_speed.log",
    conda:
        ENVIRONMENT
    params:
        runs=ARTIFACTS.timed_runs,
        code=code_digest("hydra_steps.benchmark.speed_summary"),
    message:
        "Summarise the timing study"
    script:
        "../scripts/summarise_speed.py"
