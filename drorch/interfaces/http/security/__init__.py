"""Who asks, and may they: log-in, sessions, rules per route, limits, audit."""
