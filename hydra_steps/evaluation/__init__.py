"""Evaluation: scores compared with the exact method, the true label noise, and real re-training.

One module per table, declared with :func:`hydra_steps.registry.decorators.table`: what it reads, when a study makes it,
its columns, its options. Nothing else has to be told of it. The code here knows CSV and Zarr and no torch.
"""
