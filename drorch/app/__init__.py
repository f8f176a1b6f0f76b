"""Use cases, settings and wiring. Only wiring names concrete adapters."""
