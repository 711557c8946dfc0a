"""The training process Φ: one step function that trains, replays, re-trains, and is differentiated.

Importing this package does not import torch; its modules do.
"""
