"""The timing study, whole: contestants, turns, readings, ratios, claims and figure."""
