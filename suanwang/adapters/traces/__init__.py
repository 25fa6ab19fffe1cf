"""Trace formats, one file each: text in, columns and a list of the malformed lines out."""
