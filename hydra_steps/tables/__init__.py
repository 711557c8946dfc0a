"""Reading and writing of tables, for evaluation, figures, report and explorer. No torch."""
