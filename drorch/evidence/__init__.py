"""What a run proves: samples to outages, canaries to data loss, each with its error bounds."""
