"""The trajectory of a training: its store, its writer with resume, and replay."""
