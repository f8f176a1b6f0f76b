"""The web: REST API, event streams and console over the use cases of ``drorch.app``."""
