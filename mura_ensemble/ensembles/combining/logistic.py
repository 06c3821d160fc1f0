"""Ridge logistic regression for a whole path of penalties: Newton, warm-started from the strongest down.

For the few columns of a stack this is some ten times faster than a general solver called once per
penalty, and nested cross-validation calls it hundreds of times. Checked against scikit-learn in the tests.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

__all__ = ["logistic_path", "nonnegative_path"]

Array = NDArray[np.float64]

_MAX_STEPS, _MAX_HALVINGS = 100, 40
_TOLERANCE = 1e-16
_TINY = 1e-10
_SHRINKING = 10.0
_EDGE = 1e-12  # keeps the Hessian regular where every probability has saturated


def logistic_path(columns: Array, gold: Array, penalties: Sequence[float] | Array) -> Array:
    r"""Minimise the log-loss plus a ridge for every penalty.

    For each penalty :math:`\lambda` minimises
    :math:`\sum_i \log(1 + e^{-s_i (b_0 + x_i b)}) + \sum_m \lambda_m b_m^2 / 2`, :math:`s_i = \pm 1`; the
    intercept is not penalised. With both classes present and :math:`\lambda > 0` the minimum is finite and unique.

    Parameters
    ----------
    columns : (n, M) array
    gold : (n,) array
        0 or 1; both must occur.
    penalties : sequence of float, or (K, M) array
        Greater than 0: one for all columns, or one per column.

    Returns
    -------
    (len(penalties), M + 1) array
        Intercept first, in the order of `penalties`.

    Raises
    ------
    ValueError
        If only one class occurs or a penalty is not positive.
    """
    ridges = _checked(columns, gold, penalties)
    design = np.column_stack([np.ones(len(gold)), columns])
    found = np.empty((len(ridges), design.shape[1]))
    start = np.zeros(design.shape[1])
    start[0] = np.log(gold.mean() / (1 - gold.mean()))
    curvature: Array | None = None
    for position in np.argsort(np.log(ridges).sum(axis=1), kind="stable")[::-1]:
        start, curvature = _newton(design, gold, np.append(0.0, ridges[position]), start, curvature)
        found[position] = start
    return found


def nonnegative_path(columns: Array, gold: Array, penalties: Sequence[float]) -> Array:
    """As `logistic_path` with every coefficient held at or above 0 (the intercept is free).

    A backbone can then never count against what it says. Solved by `scipy.optimize.minimize`, L-BFGS-B.
    """
    from scipy.optimize import minimize

    ridges = _checked(columns, gold, penalties)
    design = np.column_stack([np.ones(len(gold)), columns])
    found = np.empty((len(ridges), design.shape[1]))
    start = np.zeros(design.shape[1])
    start[0] = np.log(gold.mean() / (1 - gold.mean()))

    def loss(coefficients: Array, ridge: Array) -> tuple[float, Array]:
        gradient = design.T @ (expit(design @ coefficients) - gold) + ridge * coefficients
        return _loss(design, gold, ridge, coefficients), gradient

    bounds = [(None, None)] + [(0.0, None)] * columns.shape[1]
    for position in np.argsort(ridges[:, 0], kind="stable")[::-1]:
        ridge = np.append(0.0, ridges[position])
        options = {"ftol": 1e-15, "gtol": 1e-7, "maxiter": 2000}
        solved = minimize(
            loss, start, args=(ridge,), jac=True, method="L-BFGS-B", bounds=bounds, options=options
        )
        start = np.asarray(solved.x, dtype=np.float64)
        found[position] = start
    return found


def _checked(columns: Array, gold: Array, penalties: Sequence[float] | Array) -> Array:
    if len(np.unique(gold)) < 2:
        raise ValueError("a logistic regression needs normal and abnormal studies; only one of them is here")
    ridges = np.asarray(penalties, dtype=np.float64)
    if ridges.min() <= 0:
        raise ValueError(f"a penalty must be greater than 0, not {ridges.min()}")
    return np.repeat(ridges[:, None], columns.shape[1], axis=1) if ridges.ndim == 1 else ridges


def _newton(
    design: Array, gold: Array, ridge: Array, start: Array, curvature: Array | None
) -> tuple[Array, Array | None]:
    """The minimum and the curvature of the log-loss last used on the way to it.

    The curvature is the dear part and hardly changes from one penalty to the next: that of the penalty before
    serves until the steps stop shrinking tenfold, then it is computed anew.
    """
    current, loss, last = start, _loss(design, gold, ridge, start), np.inf
    for _ in range(_MAX_STEPS):
        probability = expit(design @ current)
        gradient = design.T @ (probability - gold) + ridge * current
        if curvature is None:
            curvature = (design * (probability * (1 - probability))[:, None]).T @ design
        hessian = curvature + np.diag(ridge + _EDGE)
        step = np.linalg.solve(hessian, gradient)
        gain = float(gradient @ step)  # twice what a full Newton step would still gain
        if gain <= _TOLERANCE * (1 + abs(loss)):
            return current - step, curvature
        if gain > last / _SHRINKING:
            curvature, last = None, np.inf
            continue
        last = gain
        if gain > _TINY * (1 + abs(loss)):  # below, the rounding of the loss itself would mislead a search
            for _ in range(_MAX_HALVINGS):
                new_loss = _loss(design, gold, ridge, current - step)
                if new_loss <= loss:
                    break
                step = step / 2
            loss = new_loss
        current = current - step
    return current, curvature


def _loss(design: Array, gold: Array, ridge: Array, coefficients: Array) -> float:
    margin = design @ coefficients
    loss = np.logaddexp(0, margin).sum() - margin @ gold + (ridge * coefficients**2).sum() / 2
    return float(loss)
