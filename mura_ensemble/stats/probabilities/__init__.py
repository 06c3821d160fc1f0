"""Probabilities: discrimination, calibration, operating points."""
