"""Frames of single questions: readers, panels, calibration, contributions, hardest studies."""
