"""What a study will cost, before anything of it runs: disk, memory and time of each rule.

``meta`` counts what a step of the study's models does, on PyTorch's meta device; ``nominal`` turns that into seconds of
a described machine, and ``calibration`` measures a few steps and methods on random data of the right shape within a
``budget`` of time; ``costs`` multiplies. ``requests`` asks a cluster for what jobs need. Importing this package imports
no torch.
"""
