"""Benchmarks of the machine that they run on: what it delivers, measured with torch where it is there, else numpy."""
