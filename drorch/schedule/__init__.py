"""What begins by itself: the keeper of nominal instants, what it begins, and the alarms that wake it."""
