"""One module per dataset family; each registers its datasets when it is imported (see :mod:`..registry`)."""
