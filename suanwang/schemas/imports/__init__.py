"""Shapes and runs as other programs write them, read into the domain: one file a format."""
