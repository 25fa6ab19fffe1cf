"""Packings: which node, and which of its accelerators, a job gets. One file each, with its reference."""
