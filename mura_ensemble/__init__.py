"""Ensembles and honest model comparison for multi-view reader studies."""
