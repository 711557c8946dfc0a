"""Queries bound to a process: their kinds, as functions of logits and targets, their values and gradients."""
