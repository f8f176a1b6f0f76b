"""Metrics for Prometheus: families of series made of the journal and the stored reports, and a small server for them.

Nothing here asks another system; see ``drorch.metrics.facts`` for what is read, ``docs/metrics.md`` for the names.
"""
