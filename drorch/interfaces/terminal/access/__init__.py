"""Remote access, as commands."""
