"""The explorer of a study: a page for single samples, whom they helped and harmed, and which labels look wrong."""

from hydra_steps.explorer.write_explorer import write_explorer

__all__ = ["write_explorer"]
