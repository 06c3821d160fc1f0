"""Frames in, frozen results out: no page, no figure, no sentence but errors."""
