"""Parsing what is typed about plans and levels."""
