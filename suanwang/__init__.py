"""suanwang (算网): a grid for AI computing power, from a quote to a bill."""

__version__ = "0.1.0"
