"""How much each backbone's logit moves the logit of an ensemble, at one view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mura_ensemble.ensembles.combining.combination import Array, Names
from mura_ensemble.ensembles.ensemble import Ensemble

__all__ = ["LocalWeights", "local_weights"]

STEP = 1e-3
"""Half the distance, in the logit of a backbone, over which the change is taken."""


@dataclass(frozen=True)
class LocalWeights:
    """An ensemble as a weighted sum of its backbones' logits, near some views.

    Attributes
    ----------
    weights : ndarray, shape (n, M)
        Change of the ensemble's logit with each backbone's.
    constant : ndarray, shape (n,)
        What the weighted sum of the logits lacks to the ensemble's logit.
    logit : ndarray, shape (n,)
        Of the ensemble, each view taken as a study of its own.
    linear : bool
        Whether weights and constant are the same for all views of one study type: then the sum is no approximation.
    """

    weights: Array
    constant: Array
    logit: Array
    linear: bool


def local_weights(ensemble: Ensemble, logits: Array, study_types: Names) -> LocalWeights:
    """Linear form of an ensemble at some views, by central differences.

    Exact for stacks and means of logits; for a mean of probabilities the first-order form at each view.

    Parameters
    ----------
    ensemble : Ensemble
    logits : ndarray, shape (n, M)
        Of the views by every backbone, in the order of `ensemble.backbones`.
    study_types : ndarray of str, shape (n,)
    """

    def of(values: Array) -> Array:
        chance = ensemble.of_single_views(1 / (1 + np.exp(-values)), study_types)
        with np.errstate(divide="ignore"):
            return np.log(chance) - np.log1p(-chance)

    logit = of(logits)
    weights = np.empty_like(logits)
    for place in range(logits.shape[1]):
        step = np.zeros(logits.shape[1])
        step[place] = STEP
        weights[:, place] = (of(logits + step) - of(logits - step)) / (2 * STEP)
    constant = logit - (weights * logits).sum(axis=1)
    # Far from the views the form is tried again: a linear ensemble has it there too.
    far = logits + np.random.default_rng(0).normal(0, 1, logits.shape)
    linear = bool(np.allclose(of(far), constant + (weights * far).sum(axis=1), atol=1e-4))
    return LocalWeights(weights, constant, logit, linear)
