"""Differences of kappas, their tests, and ranks."""
