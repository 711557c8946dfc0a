"""Damage any one file of a finished study, and see that nothing wrong is taken for the study's own."""
