"""Part of the web."""
