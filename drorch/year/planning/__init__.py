"""The planner of the year: which tests, when, within windows, people and limits; or why not."""
