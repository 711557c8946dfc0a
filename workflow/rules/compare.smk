# All methods side by side, accuracy against cost. Both carry the clock's readings, so they are made where
# a study asks for them.

if STUDY["comparison"]:
    TABLES.append(f"{OUT}/tables/comparison.csv")
    FIGURE_NAMES.append("cost_accuracy")
    FIGURES.extend(pictures("cost_accuracy"))


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
