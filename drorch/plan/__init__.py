"""What would be done: an immutable, content-hashed graph of steps. Nothing is left to be chosen at run time."""
