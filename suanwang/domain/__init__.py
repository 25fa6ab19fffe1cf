"""The nouns: frozen dataclasses and their invariants. No I/O, no clock, no randomness."""
