"""Datasets by name, one file per family; each is a function under
:func:`hydra_steps.registry.decorators.dataset`."""
