"""What a study can choose by name, described once, where it is defined.

A dataset, a noise, a model, a task, an optimizer, a schedule, a method, a query kind, a table, a figure or a sentence
is one decorated function (:mod:`hydra_steps.registry.decorators`). Everything else that is said about it (the
schema's entry, the documentation, a job's request, words and colours of the report, lists in the rules) is derived
from its
declaration: the decorator's arguments, the signature and the docstring.

Declarations are read from the source and not run (:mod:`hydra_steps.registry.reading`), so that a workflow can be
planned where neither torch nor numpy is installed; ``load`` imports the one module that is asked for, in a job.
"""

from hydra_steps.registry.catalogue import entries, find, load, names
from hydra_steps.registry.entry import Entry
from hydra_steps.registry.plugins import active_plugins, use_plugins

__all__ = ["Entry", "active_plugins", "entries", "find", "load", "names", "use_plugins"]
