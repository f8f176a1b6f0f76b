"""The journal in SQL."""
