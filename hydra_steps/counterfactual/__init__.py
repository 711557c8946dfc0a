"""What really happens without some samples: designs, re-training, its bank, fresh trainings, flips, smoothness.

Stands above ``scoring``, since designs may choose their groups by a score."""
