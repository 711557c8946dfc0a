"""The trial of a model before it is trained: will the scores of its training be exact? (:mod:`.try_model`)."""
