# One page for the whole study.


localrules:
    write_report,


rule write_report:
    input:
        code("report.write_report"),
        here(*(f"hydra_steps/report/page.{suffix}" for suffix in ("html.j2", "css", "js"))),
        config=f"{OUT}/config.yaml",
        tables=TABLES,
        figures=FIGURES,
        trajectories=expand(f"{RUN}/trajectory", run=RUNS),
    output:
        report(
            f"{OUT}/report.html",
            category="Report",
            labels={"page": "the study as a small paper"},
        ),
    log:
        f"{OUT}/logs/write_report.log",
    conda:
        ENVIRONMENT
    message:
        "Write the report"
    script:
        "../scripts/write_report.py"
