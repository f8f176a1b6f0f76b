"""The lab and the demo, as commands."""
