"""The yearly denial-of-access test: held, guarded, journalled, judged, sealed."""
