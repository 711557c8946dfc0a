"""Queries bound to a process: their kinds, as functions of logits and labels, their values and gradients."""
