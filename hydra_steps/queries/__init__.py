"""Queries: scalar functions of a run's final state, as data and bound to a process."""
