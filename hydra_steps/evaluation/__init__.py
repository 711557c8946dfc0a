"""Evaluation: scores held against the exact method, the true label noise, and real re-training.

The code here knows CSV and Zarr and no torch. One module per table; ``tables`` holds the columns that all
share.
"""
