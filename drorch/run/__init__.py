"""What was done: journal events, their fold, pure decisions, and one thin driver that performs them through ports."""
