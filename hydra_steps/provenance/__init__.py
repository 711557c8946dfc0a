"""Where each output of a study came from: a record beside it, of its content and of what made it."""
