"""Contracts: names, tables, files, caches of predictions, readers, folds, simulated studies."""
