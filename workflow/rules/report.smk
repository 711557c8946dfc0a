# One page for the whole study.

from hydra_steps.plan.code import page_code
from hydra_steps.plan.steps import method_looks


localrules:
    write_report,


rule write_report:
    input:
        config=f"{OUT}/config.yaml",
        tables=made_by("all", TABLES),
        figures=made_by("all", FIGURES),
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
    params:
        looks=method_looks(STUDY),
        left_over=lambda wildcards: left_behind(),
        code=page_code("report.write_report", "report", "page.html.j2", "page.css", "page.js"),
    message:
        "Write the report"
    script:
        "../scripts/write_report.py"
