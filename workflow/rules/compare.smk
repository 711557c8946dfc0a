# Methods side by side: damping sweeps where a study has some; all methods, accuracy against cost. The latter
# two carry the clock's readings, so they are made where a study asks for them.

from hydra_steps.config.sweeps import damping_sweeps

SWEEPS = damping_sweeps(STUDY["methods"])

if SWEEPS:
    TABLES.append(f"{OUT}/tables/damping.csv")
    FIGURE_NAMES.append("damping")
    FIGURES.extend(pictures("damping"))
if STUDY["comparison"]:
    TABLES.append(f"{OUT}/tables/comparison.csv")
    FIGURE_NAMES.append("cost_accuracy")
    FIGURES.extend(pictures("cost_accuracy"))


localrules:
    compare_methods,
    plot_cost_accuracy,
    evaluate_damping,
    plot_damping,


rule compare_methods:
    input:
        code("evaluation.comparison"),
        scores=scores(),
        counterfactual=f"{OUT}/tables/counterfactual.csv",
        detection=f"{OUT}/tables/detection.csv",
        timing=f"{OUT}/tables/timing.csv",
    output:
        f"{OUT}/tables/comparison.csv",
    log:
        f"{OUT}/logs/compare_methods.log",
    conda:
        ENVIRONMENT
    message:
        "Compare all methods"
    script:
        "../scripts/compare_methods.py"


rule plot_cost_accuracy:
    input:
        code("figures.cost_accuracy"),
        table=f"{OUT}/tables/comparison.csv",
    output:
        shown("cost_accuracy", "Cost"),
    log:
        f"{OUT}/logs/plot_cost_accuracy.log",
    conda:
        ENVIRONMENT
    params:
        methods=canonical_json(METHODS),
        style=LOOK,
    message:
        "Draw the figure cost_accuracy"
    script:
        "../scripts/plot_cost_accuracy.py"


rule evaluate_damping:
    input:
        code("evaluation.damping"),
        scores=expand(
            f"{RUN}/scores/{{method}}",
            run=RUNS,
            method=[label for sweep in SWEEPS.values() for label in sweep],
        ),
        counterfactual=f"{OUT}/tables/counterfactual.csv",
    output:
        f"{OUT}/tables/damping.csv",
    log:
        f"{OUT}/logs/evaluate_damping.log",
    conda:
        ENVIRONMENT
    params:
        sweeps=canonical_json(SWEEPS),
    message:
        "Choose dampings on the validation queries"
    script:
        "../scripts/evaluate_damping.py"


rule plot_damping:
    input:
        code("figures.damping"),
        table=f"{OUT}/tables/damping.csv",
    output:
        shown("damping", "Re-training"),
    log:
        f"{OUT}/logs/plot_damping.log",
    conda:
        ENVIRONMENT
    params:
        methods=canonical_json(METHODS),
        style=LOOK,
    message:
        "Draw the figure damping"
    script:
        "../scripts/plot_damping.py"
