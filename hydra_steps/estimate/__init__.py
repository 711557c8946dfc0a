"""What a study will cost, before anything of it runs: disk, memory and time of each rule.

``calibration`` measures a few steps of the study's own models and methods on random data of the right shape;
``costs`` multiplies. Importing this package does not import torch; ``calibration`` does.
"""
