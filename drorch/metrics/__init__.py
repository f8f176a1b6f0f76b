"""Metrics for Prometheus: facts of runs, reports and access, made into series, and a small server for them.

Nothing here asks another system; see ``drorch.metrics.facts`` for what is read, ``docs/metrics.md`` for the names.
"""
