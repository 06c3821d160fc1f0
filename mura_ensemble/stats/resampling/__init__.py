"""Distinct patterns, weights and resamples."""
