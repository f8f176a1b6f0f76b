"""The drorch command."""
