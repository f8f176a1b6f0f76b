"""Pages for people. Views are pure; routes read, render and hand on what people decide."""
