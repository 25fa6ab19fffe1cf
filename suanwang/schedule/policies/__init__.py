"""Queueing policies, one file each."""
