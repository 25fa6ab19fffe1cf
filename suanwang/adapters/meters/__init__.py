"""Meters beside the engines' own accounting: what sensors of the site measured."""
