"""What was done: events, fold, pure decisions, interlocks (one or two persons, one run per group), one thin driver."""
