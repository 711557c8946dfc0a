# From scores and outcomes to tidy tables; every table holds all runs.


localrules:
    describe_noise,
    describe_training,
    describe_contributions,
    describe_cost,
    describe_queries,
    describe_jobs,
    evaluate_agreement,
    evaluate_detection,
    evaluate_counterfactual,
    describe_smoothness,
    evaluate_removal,
    evaluate_brittleness,


rule describe_noise:
    input:
        code("evaluation.noise"),
        labels=expand(f"{RUN}/labels.csv", run=RUNS),
    output:
        report(f"{OUT}/tables/noise.csv", category="Tables", labels={"table": "noise"}),
    log:
        f"{OUT}/logs/describe_noise.log",
    conda:
        ENVIRONMENT
    message:
        "Count the labels that became others"
    script:
        "../scripts/describe_noise.py"


rule describe_training:
    input:
        code("evaluation.training"),
        trajectories=expand(f"{RUN}/trajectory", run=RUNS),
    output:
        report(
            f"{OUT}/tables/training.csv",
            category="Tables",
            labels={"table": "training"},
        ),
    log:
        f"{OUT}/logs/describe_training.log",
    conda:
        ENVIRONMENT
    message:
        "Collect loss and accuracy"
    script:
        "../scripts/describe_training.py"


rule describe_contributions:
    input:
        code("evaluation.contributions"),
        scores=scores(),
        labels=expand(f"{RUN}/labels.csv", run=RUNS),
    output:
        report(
            f"{OUT}/tables/contributions.csv",
            category="Tables",
            labels={"table": "contributions"},
        ),
    log:
        f"{OUT}/logs/describe_contributions.log",
    conda:
        ENVIRONMENT
    message:
        "Collect the distributions of the contributions"
    script:
        "../scripts/describe_contributions.py"


rule describe_queries:
    input:
        code("evaluation.queries"),
        scores=scores(),
    output:
        f"{OUT}/tables/queries.csv",
    log:
        f"{OUT}/logs/describe_queries.log",
    conda:
        ENVIRONMENT
    message:
        "Say what the queries are about"
    script:
        "../scripts/describe_queries.py"


rule describe_cost:
    input:
        code("evaluation.cost"),
        scores=scores(),
    output:
        report(f"{OUT}/tables/timing.csv", category="Tables", labels={"table": "timing"}),
    log:
        f"{OUT}/logs/describe_cost.log",
    conda:
        ENVIRONMENT
    message:
        "Collect what each score cost"
    script:
        "../scripts/describe_cost.py"


rule describe_jobs:
    input:
        code("evaluation.job_costs"),
        # When these are there, so are their measurements, which are no inputs: to delete one is no reason to compute again.
        expand(f"{RUN}/trajectory", run=RUNS),
        scores(),
        outcomes(),
        removals(),
        flips(),
        expand(f"{RUN}/smoothness.csv", run=RUNS if SMOOTHNESS else []),
        traced,
    output:
        report(f"{OUT}/tables/jobs.csv", category="Tables", labels={"table": "jobs"}),
    log:
        f"{OUT}/logs/describe_jobs.log",
    conda:
        ENVIRONMENT
    params:
        benchmarks=f"{OUT}/benchmarks",
    message:
        "Collect what the jobs of each rule took"
    script:
        "../scripts/describe_jobs.py"


rule evaluate_agreement:
    input:
        code("evaluation.agreement"),
        scores=scores(),
    output:
        report(
            f"{OUT}/tables/agreement.csv",
            category="Tables",
            labels={"table": "agreement"},
        ),
    log:
        f"{OUT}/logs/evaluate_agreement.log",
    conda:
        ENVIRONMENT
    message:
        "Hold every method against exact HyDRA"
    script:
        "../scripts/evaluate_agreement.py"


rule evaluate_detection:
    input:
        code("evaluation.detection"),
        scores=scores(),
        labels=expand(f"{RUN}/labels.csv", run=RUNS),
    output:
        report(
            f"{OUT}/tables/detection.csv",
            category="Tables",
            labels={"table": "detection"},
        ),
    log:
        f"{OUT}/logs/evaluate_detection.log",
    conda:
        ENVIRONMENT
    params:
        inspect=canonical_json(STUDY["detection"]["inspect"]),
    message:
        "Look for the wrong labels"
    script:
        "../scripts/evaluate_detection.py"


rule evaluate_counterfactual:
    input:
        code("evaluation.counterfactual"),
        scores=scores(),
        outcomes=outcomes(),
    output:
        table=report(
            f"{OUT}/tables/counterfactual.csv",
            category="Tables",
            labels={"table": "counterfactual"},
        ),
        points=f"{OUT}/tables/counterfactual_points.csv",
    log:
        f"{OUT}/logs/evaluate_counterfactual.log",
    conda:
        ENVIRONMENT
    message:
        "Hold every method against re-training"
    script:
        "../scripts/evaluate_counterfactual.py"


rule describe_smoothness:
    input:
        code("evaluation.smoothness"),
        measurements=expand(f"{RUN}/smoothness.csv", run=RUNS),
    output:
        report(
            f"{OUT}/tables/smoothness.csv",
            category="Tables",
            labels={"table": "smoothness"},
        ),
    log:
        f"{OUT}/logs/describe_smoothness.log",
    conda:
        ENVIRONMENT
    message:
        "Say whether the training maps are smooth"
    script:
        "../scripts/describe_smoothness.py"


rule evaluate_removal:
    input:
        code("evaluation.removal"),
        removals=removals(),
    output:
        report(f"{OUT}/tables/removal.csv", category="Tables", labels={"table": "removal"}),
    log:
        f"{OUT}/logs/evaluate_removal.log",
    conda:
        ENVIRONMENT
    message:
        "Collect the removal curves"
    script:
        "../scripts/evaluate_removal.py"


rule evaluate_brittleness:
    input:
        code("evaluation.brittleness"),
        flips=flips(),
    output:
        report(
            f"{OUT}/tables/brittleness.csv",
            category="Tables",
            labels={"table": "brittleness"},
        ),
    log:
        f"{OUT}/logs/evaluate_brittleness.log",
    conda:
        ENVIRONMENT
    message:
        "Collect the groups that flip predictions"
    script:
        "../scripts/evaluate_brittleness.py"
