"""One real environment: what it is, where its files are, and its inventory."""
