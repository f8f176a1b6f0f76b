"""When what is due by itself: schedules as data, their nominal instants, and what to do with each. No I/O, no clock."""
