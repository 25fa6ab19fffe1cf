"""Whom the grid talks to: stores, engines, meters, catalogs, the clock."""
