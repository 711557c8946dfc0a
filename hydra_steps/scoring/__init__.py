"""How much each training sample contributed to each query, by many methods in one unit and sign.

Importing this package does not import torch; its modules do, except :mod:`hydra_steps.scoring.store`.
"""
