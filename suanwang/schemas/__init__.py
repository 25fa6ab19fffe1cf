"""File and wire formats, version 1: pydantic models, to and from the domain; all problems at once."""
