"""The use cases of a run: begin, drive, operate, conclude. Names ports only; app.composition puts adapters behind."""
