# How fast: measured alone on the machine, and only where it is asked for (snakemake benchmark).

from hydra_steps.config import variant_names
from hydra_steps.config.conditions import conditions

TIMED = [f"{variant}-seed{STUDY['seeds'][0]}" for variant in variant_names(STUDY)]


# Seconds each, and beside no clock: where snakemake runs.
localrules:
    describe_speed,
    evaluate_speed_claims,


rule time_scoring:
    input:
        chosen_code("benchmark.time_scoring", "data", "model"),
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
        gpu=accelerators,
        mem_mb=megabytes("score_samples: hydra_exact"),
        runtime=minutes("score_samples: hydra_exact"),
        slurm_extra="--exclusive",
    params:
        run=of_run("data", "model", "training", "compute", "seed"),
        options=canonical_json(STUDY["benchmark"]),
        methods=canonical_json(STUDY["methods"]),
    message:
        "Time training and scoring of {wildcards.run}"
    script:
        "../scripts/time_scoring.py"


rule describe_speed:
    input:
        code("benchmark.speed"),
        readings=expand(f"{RUN}/timing/seconds.csv", run=TIMED),
        memory=expand(f"{RUN}/timing/memory.csv", run=TIMED),
    output:
        speed=f"{OUT}/tables/speed.csv",
        scaling=f"{OUT}/tables/scaling.csv",
    log:
        f"{OUT}/logs/describe_speed.log",
    conda:
        ENVIRONMENT
    params:
        all_samples=STUDY["benchmark"]["all_samples"],
    message:
        "Make ratios and fits of the clock's readings"
    script:
        "../scripts/describe_speed.py"


rule summarise_speed:
    input:
        code("benchmark.speed_summary"),
        speed=f"{OUT}/tables/speed.csv",
        scaling=f"{OUT}/tables/scaling.csv",
        machines=expand(f"{RUN}/timing/machine.json", run=TIMED),
    output:
        f"{OUT}/tables/speed.md",
    log:
        f"{OUT}/logs/summarise_speed.log",
    conda:
        ENVIRONMENT
    message:
        "Summarise the timing study"
    script:
        "../scripts/summarise_speed.py"


rule evaluate_speed_claims:
    input:
        code("benchmark.speed_claims"),
        speed=f"{OUT}/tables/speed.csv",
        scaling=f"{OUT}/tables/scaling.csv",
    output:
        report(
            f"{OUT}/tables/speed_claims.csv",
            category="Claims",
            labels={"table": "claims about speed"},
        ),
    log:
        f"{OUT}/logs/evaluate_speed_claims.log",
    conda:
        ENVIRONMENT
    params:
        conditions=canonical_json(conditions(STUDY)),
    message:
        "Hold the paper's claims about speed against the clock"
    script:
        "../scripts/evaluate_speed_claims.py"


rule plot_speedup:
    input:
        code("benchmark.speedup", "figures.draw"),
        speed=f"{OUT}/tables/speed.csv",
        scaling=f"{OUT}/tables/scaling.csv",
        machines=expand(f"{RUN}/timing/machine.json", run=TIMED),
    output:
        shown("speedup", "Cost"),
    log:
        f"{OUT}/logs/plot_speedup.log",
    conda:
        ENVIRONMENT
    params:
        methods=METHODS_OF_LABELS,
        style=LOOK,
    message:
        "Draw the figure speedup"
    script:
        "../scripts/draw_figure.py"
