"""Rendering of data that is already true: JSON is the record, HTML and text are renderings."""
