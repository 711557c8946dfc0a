"""What sampled values say of themselves in the scores' store. Imports no torch."""

from __future__ import annotations

ERROR = "standard_error"  # array [q, n]: the standard error of every contribution
COUNT = "subset_trainings"  # diagnostic of methods that consist of trainings: how many they made
