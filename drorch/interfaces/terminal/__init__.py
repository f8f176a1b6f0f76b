"""The drorch command, one module per group of commands."""
