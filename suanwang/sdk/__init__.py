"""The verbs of the grid as a Python library."""

from suanwang.sdk.client import Client

__all__ = ["Client"]
