"""The verbs of the grid as a Python library."""
