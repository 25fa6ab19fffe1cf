"""Replay: a policy or a packing over a recorded trace, and what came of it."""
