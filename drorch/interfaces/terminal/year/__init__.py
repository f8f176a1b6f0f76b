"""What is owed and planned in a year, as commands: tests, actions, reports, call-outs, schedules."""
