"""The terminal of a study: one line for each step that is done, a bar, and at the end what failed and where."""
