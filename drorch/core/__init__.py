"""Errors, clock, ids, findings, canonical JSON, chains and files. Knows nothing of drorch."""
