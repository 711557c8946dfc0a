# How fast: measured alone on the machine, and only where it is asked for (snakemake benchmark).


rule time_scoring:
    input:
        chosen_code("scoring.time_scoring", "data", "model"),
        splits=f"{RUN}/splits.csv",
        labels=f"{RUN}/labels.csv",
    output:
        seconds=f"{RUN}/timing/seconds.csv",
        machine=f"{RUN}/timing/machine.json",
    log:
        f"{OUT}/logs/time_scoring/{{run}}.log",
    conda:
        ENVIRONMENT
    # All cores, though it computes on compute.threads: nothing else is to run beside a clock.
    threads: workflow.cores or 1
    params:
        run=of_run("data", "model", "training", "compute", "seed"),
        options=canonical_json(STUDY["benchmark"]),
    message:
        "Time training and scoring of {wildcards.run}"
    script:
        "../scripts/time_scoring.py"


rule describe_speed:
    input:
        code("evaluation.speed"),
        measurements=[f"{OUT}/runs/{RUNS[0]}/timing/seconds.csv"],
    output:
        f"{OUT}/tables/speed.csv",
    log:
        f"{OUT}/logs/describe_speed.log",
    conda:
        ENVIRONMENT
    message:
        "Make ratios of the clock readings"
    script:
        "../scripts/describe_speed.py"
