"""The report of a study: one self-contained page, written from tables, figures and the configuration."""

from hydra_steps.report.write_report import write_report

__all__ = ["write_report"]
