"""Which blocks in which order."""
