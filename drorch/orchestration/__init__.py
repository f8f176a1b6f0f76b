"""The use cases of a run: begin, drive, operate, conclude, forecast. Names ports only."""
