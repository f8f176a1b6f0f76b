"""Fakes, builders and a hand-driven clock. Shipped, and imported by tests only."""
