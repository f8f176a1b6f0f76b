"""The programme of the year."""
