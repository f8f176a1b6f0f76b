"""Corrective actions: opened by findings, closed by a later passing run and a second person."""
