"""Sections of single questions."""
