"""Checks shared by the modules that take a gold standard and probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def checked_gold(gold: ArrayLike) -> NDArray[np.bool_]:
    """Gold standard as a boolean vector (n,), True = abnormal.

    Raises
    ------
    ValueError
        If it is not one-dimensional, is empty, or holds anything but 0 and 1 (a missing gold standard too).
    """
    values = np.asarray(gold)
    if values.ndim != 1 or not values.size:
        raise ValueError(f"gold must be a non-empty vector of 0 and 1, not an array of shape {values.shape}")
    abnormal: NDArray[np.bool_] = values == 1
    if not (abnormal | (values == 0)).all():
        raise ValueError("gold must hold only 0 and 1; leave studies without a gold standard out")
    return abnormal


def checked_probability(probability: ArrayLike, n: int) -> FloatArray:
    """Probabilities as floats of shape (n,) or (n, R).

    Raises
    ------
    ValueError
        If there is not one row per study, or a value is NaN or outside [0, 1].
    """
    values = np.asarray(probability, dtype=np.float64)
    if values.ndim not in (1, 2) or len(values) != n:
        raise ValueError(f"probability must be ({n},) or ({n}, R), not {values.shape}")
    if not ((values >= 0) & (values <= 1)).all():  # NaN fails both comparisons
        raise ValueError("probability must lie in [0, 1]; leave studies without one out")
    return values


def patient_codes(patients: ArrayLike | None, n: int) -> tuple[IntArray, int]:
    """Patients as codes 0..K-1 in sorted order of their labels (each study its own patient if None), and K.

    Raises
    ------
    ValueError
        If there is not one patient per study, or a label is missing.
    """
    if patients is None:
        return np.arange(n, dtype=np.int64), n
    refuse_missing(patients, "patients")
    labels, codes = np.unique(np.asarray(patients), return_inverse=True)
    if codes.shape != (n,):
        raise ValueError(f"patients must be one label for each of the {n} studies, not {codes.shape}")
    return codes.astype(np.int64), len(labels)


def refuse_missing(labels: ArrayLike, name: str) -> None:
    """Refuse a label that is NaN or None: all studies without a patient would count as those of one patient.

    Raises
    ------
    ValueError
        If a label is missing.
    """
    values = np.asarray(labels)
    if values.dtype.kind == "f":
        missing = bool(np.isnan(values).any())
    else:
        missing = values.dtype.kind == "O" and any(label is None or label != label for label in values.flat)
    if missing:
        raise ValueError(f"{name} must not be missing; give each study without a patient a label of its own")
