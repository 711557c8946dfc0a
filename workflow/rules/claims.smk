# The paper's claims, each with a verdict computed from this study's tables.

from hydra_steps.config.conditions import conditions

CLAIM_TABLES = ("agreement", "counterfactual", "detection", "removal", "stability")

if STUDY["claims"]:
    CLAIMED = [f"{OUT}/tables/{name}.csv" for name in CLAIM_TABLES if f"{OUT}/tables/{name}.csv" in TABLES]
    TABLES.append(f"{OUT}/tables/claims.csv")
    FIGURE_NAMES.append("claims")
    FIGURES.extend(pictures("claims"))
else:
    CLAIMED = []


rule evaluate_claims:
    input:
        code("evaluation.claims"),
        tables=CLAIMED,
    output:
        report(f"{OUT}/tables/claims.csv", category="Claims", labels={"table": "claims"}),
    log:
        f"{OUT}/logs/evaluate_claims.log",
    conda:
        ENVIRONMENT
    params:
        methods=canonical_json(STUDY["methods"]),
        conditions=canonical_json(conditions(STUDY)),
    message:
        "Hold the paper's claims against the tables"
    script:
        "../scripts/evaluate_claims.py"


rule plot_claims:
    input:
        code("figures.claims", "figures.draw"),
        claims=f"{OUT}/tables/claims.csv",
    output:
        shown("claims", "Claims"),
    log:
        f"{OUT}/logs/plot_claims.log",
    conda:
        ENVIRONMENT
    params:
        methods=METHODS_OF_LABELS,
        style=LOOK,
    message:
        "Draw the figure claims"
    script:
        "../scripts/draw_figure.py"
