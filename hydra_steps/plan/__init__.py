"""What a study makes, worked out before anything runs: its tables and figures with what each of them reads, and which
code decides each step.

All of it follows from the study's settings and from the declarations in the registry, so a plug-in's table or figure is
planned like the package's own. Imports nothing that computes: a workflow reads it wherever it is planned.
"""

from hydra_steps.plan.artifacts import Artifacts
from hydra_steps.plan.code import step_code
from hydra_steps.plan.tables import PlannedTable, plan_tables

__all__ = ["Artifacts", "PlannedTable", "plan_tables", "step_code"]
