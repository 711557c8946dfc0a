"""Models of a study, by name; see :mod:`hydra_steps.models.build`."""
