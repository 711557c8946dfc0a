"""The same studies from Python: a few lines from data and model to contributions, and to what really happens.

Nothing is written to the disk, and no workflow is needed. :func:`.run.train` runs this package's own training of any
module; :func:`.recorded.record` takes a training step that somebody wrote.
"""
