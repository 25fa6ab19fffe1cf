"""Staging: inputs and outputs of programs, from and to the URIs that are declared for them; see `stage`."""
