"""Routes of the console, by what they are about. They read, render and hand on; what follows is decided elsewhere."""
