"""REST, event streams, and what every request has to pass: rights, sessions, limits."""
