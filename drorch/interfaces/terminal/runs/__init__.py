"""Runs and the looks at services, as commands."""
