"""Runs: from views and labels to weights."""
