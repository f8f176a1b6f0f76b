"""drorch: disaster-recovery orchestration and failover testing with measured evidence."""

__version__ = "0.1.0"
