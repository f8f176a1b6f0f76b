"""What begins by itself: schedules, their nominal instants, what to do with each, and who keeps them."""
