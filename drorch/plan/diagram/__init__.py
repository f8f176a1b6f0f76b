"""A plan drawn: as SVG and as text."""
