"""What a study makes, worked out before anything runs: its tables and figures with what each of them reads, what the
jobs are told, and which code decides each step.

All of it follows from the study's settings and from the declarations in the registry, so a plug-in's table or figure
is planned like the package's own. Imports nothing that computes: a workflow reads it wherever it is planned.
"""
