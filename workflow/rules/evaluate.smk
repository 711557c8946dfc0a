# From scores and outcomes to tidy tables, each of which holds all runs: one rule for each table of the study.

# An option that is a path, and none that a rule names.
PLACES = {"benchmarks": f"{STUDY['results']}/{STUDY['study']}/benchmarks"}

for table in TABLES.values():

    rule:
        name:
            table.rule
        input:
            # Asked for where a table is made: thousands of runs would be read in for each plan.
            lambda wildcards, table=table: table.after,
            unpack(
                lambda wildcards, table=table: {name: where_it_lies(of) for name, of in table.inputs.items()}
            ),
        output:
            **(
                table.outputs
                | {
                    "output": report(
                        table.outputs["output"],
                        category=table.category,
                        labels={"table": table.name.replace("_", " ")},
                    )
                }
            ),
        log:
            f"{OUT}/logs/{table.rule}.log",
        localrule: not table.entry.traits["heavy"]
        conda:
            ENVIRONMENT
        params:
            table=table.name,
            options=table.options | (PLACES if PLACES.keys() <= table.options.keys() else {}),
            runs=table.runs,
            code=table.code,
        message:
            f"Make the table {table.name}"
        script:
            "../scripts/evaluate.py"
