"""Grades exercises without trusting a line of what is handed in."""

__version__ = "0.1.0"
