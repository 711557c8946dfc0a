"""What a model is trained for: the loss of one sample, and what counts as correct."""
