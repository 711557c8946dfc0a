# The paper's claims, each with a verdict computed from this study's tables.


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
