# Methods side by side: damping sweeps where a study has some; all methods, accuracy against cost, which carry the
# clock's readings, so they are made where a study asks for them. Variants side by side: ablations, likewise.

from hydra_steps.config.sweeps import damping_sweeps

SWEEPS = damping_sweeps(STUDY["methods"])
ABLATION_TABLES = ("counterfactual", "agreement", "detection")

if SWEEPS:
    TABLES.append(f"{OUT}/tables/damping.csv")
    FIGURE_NAMES.append("damping")
    FIGURES.extend(pictures("damping"))
if STUDY["comparison"]:
    TABLES.append(f"{OUT}/tables/comparison.csv")
    FIGURE_NAMES.append("cost_accuracy")
    FIGURES.extend(pictures("cost_accuracy"))
if STUDY["ablations"]["reference"] is not None:
    ABLATED = [f"{OUT}/tables/{name}.csv" for name in ABLATION_TABLES if f"{OUT}/tables/{name}.csv" in TABLES]
    TABLES.append(f"{OUT}/tables/ablations.csv")
    FIGURE_NAMES.append("ablations")
    FIGURES.extend(pictures("ablations"))
else:
    ABLATED = []


localrules:
    compare_methods,
    plot_cost_accuracy,
    evaluate_damping,
    plot_damping,
    evaluate_ablations,
    plot_ablations,


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
        code("figures.cost_accuracy", "figures.draw"),
        comparison=f"{OUT}/tables/comparison.csv",
    output:
        shown("cost_accuracy", "Cost"),
    log:
        f"{OUT}/logs/plot_cost_accuracy.log",
    conda:
        ENVIRONMENT
    params:
        methods=METHODS_OF_LABELS,
        style=LOOK,
    message:
        "Draw the figure cost_accuracy"
    script:
        "../scripts/draw_figure.py"


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
        code("figures.damping", "figures.draw"),
        damping=f"{OUT}/tables/damping.csv",
    output:
        shown("damping", "Re-training"),
    log:
        f"{OUT}/logs/plot_damping.log",
    conda:
        ENVIRONMENT
    params:
        methods=METHODS_OF_LABELS,
        style=LOOK,
    message:
        "Draw the figure damping"
    script:
        "../scripts/draw_figure.py"


rule evaluate_ablations:
    input:
        code("evaluation.ablations"),
        tables=ABLATED,
    output:
        report(f"{OUT}/tables/ablations.csv", category="Tables", labels={"table": "ablations"}),
    log:
        f"{OUT}/logs/evaluate_ablations.log",
    conda:
        ENVIRONMENT
    params:
        reference=STUDY["ablations"]["reference"],
    message:
        "Hold the variants against the reference"
    script:
        "../scripts/evaluate_ablations.py"


rule plot_ablations:
    input:
        code("figures.ablations", "figures.draw"),
        ablations=f"{OUT}/tables/ablations.csv",
    output:
        shown("ablations", "Ablations"),
    log:
        f"{OUT}/logs/plot_ablations.log",
    conda:
        ENVIRONMENT
    params:
        methods=METHODS_OF_LABELS,
        style=LOOK,
    message:
        "Draw the figure ablations"
    script:
        "../scripts/draw_figure.py"
