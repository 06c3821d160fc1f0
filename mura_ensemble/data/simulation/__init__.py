"""Simulated reader studies."""
