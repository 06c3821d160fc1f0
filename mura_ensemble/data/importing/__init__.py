"""Anybody's files into the cache of predictions."""
