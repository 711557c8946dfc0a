"""The fast layer rules: tangents of many queries in one pass, behind ``push`` and ``without_rules``."""
