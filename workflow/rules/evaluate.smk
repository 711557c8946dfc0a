# From scores and outcomes to tidy tables, each of which holds all runs: one rule for each table that the study makes.

for table in PLAN.values():

    rule:
        name:
            table.rule
        input:
            table.after,
            **table.inputs,
        output:
            **in_report(table),
        log:
            f"{OUT}/logs/{table.rule}.log",
        localrule: not table.entry.traits["heavy"]
        conda:
            ENVIRONMENT
        params:
            table=table.name,
            options=table.options,
            code=table.code,
        message:
            f"Make the table {table.name}"
        script:
            "../scripts/evaluate.py"
