"""One real environment: its values, its file, the hashes of its inventory."""
