"""Agreement among any number of raters: Fleiss, Conger, Light, Krippendorff and Gwet, with missing ratings.

Every coefficient is a smooth function of means over studies, so one device serves all: the influence of each study
on the coefficient (linearisation, as in Gwet 2014). Its spread gives a standard error that holds whatever the true
agreement, not only under chance as that of Fleiss, Nee & Landis 1979; its sums per patient give the clustered one.
With two ratings or more per study it is Gwet's to the digit. Studies rated once make his the larger, since he does
not let their number vary; the jackknife sides with ours.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mura_ensemble.stats.agreement.ratings import Agreement, Ratings, standard_error
from mura_ensemble.stats.kappa.weighted import Weighting

BINARY = (0.0, 1.0)


def fleiss_kappa(
    ratings: ArrayLike,
    *,
    classes: ArrayLike = BINARY,
    weighting: Weighting = "unweighted",
    weights: ArrayLike | None = None,
) -> Agreement:
    """Fleiss' kappa (1971), with missing ratings and weights as in Gwet (2014, ch. 2 and 3).

    Observed agreement averages over the studies with two ratings or more; the class shares behind the expected
    agreement over all rated studies, ``sum_kl w_kl pi_k pi_l``.

    Parameters
    ----------
    ratings
        (n, R) class values, NaN where missing.
    classes
        (K,) possible values in ascending order.
    weighting
        Credit for near agreement, see `agreement_weights`.
    weights
        (n,) times each row occurs, for ratings compressed to distinct rows; one each by default.

    Returns
    -------
    Agreement

    Raises
    ------
    ValueError
        If the ratings are not (n, R >= 2), a value is not a class, or weights are negative or of another length.
    """
    data = Ratings(ratings, classes, weighting, weights)
    expected, slope = data.quadratic_chance()
    return data.chance_corrected("Fleiss' kappa", expected, slope)


def gwet_ac(
    ratings: ArrayLike,
    *,
    classes: ArrayLike = BINARY,
    weighting: Weighting = "unweighted",
    weights: ArrayLike | None = None,
) -> Agreement:
    """Gwet's AC1 (2008), and with linear or quadratic weighting AC2 (2014).

    Expected agreement is ``sum(w) / (K (K - 1)) sum_k pi_k (1 - pi_k)``, small when a class is rare: AC1 does not
    collapse at extreme prevalence, and does not notice a rater who ignores the rare class.

    Parameters
    ----------
    ratings, classes, weighting, weights
        As in `fleiss_kappa`. All K possible classes count, also those nobody used.

    Returns
    -------
    Agreement

    Raises
    ------
    ValueError
        As `fleiss_kappa`.
    """
    data = Ratings(ratings, classes, weighting, weights)
    shares, deviation = data.class_shares()
    size = len(shares)
    scale = float(data.credit.sum()) / (size * (size - 1)) if size > 1 else 1.0
    expected = scale * float((shares * (1 - shares)).sum())
    name = "Gwet's AC1" if weighting == "unweighted" else "Gwet's AC2"
    return data.chance_corrected(name, expected, scale * deviation @ (1 - 2 * shares))


def conger_kappa(
    ratings: ArrayLike,
    *,
    classes: ArrayLike = BINARY,
    weighting: Weighting = "unweighted",
    weights: ArrayLike | None = None,
) -> Agreement:
    """Conger's kappa (1980): each rater keeps the own class shares; for two complete raters it is Cohen's kappa.

    Expected agreement is the mean over pairs of raters of ``sum_kl w_kl p_gk p_hl``.

    Parameters
    ----------
    ratings, classes, weighting, weights
        As in `fleiss_kappa`. Every rater must have rated something.

    Returns
    -------
    Agreement

    Raises
    ------
    ValueError
        As `fleiss_kappa`.
    """
    data = Ratings(ratings, classes, weighting, weights)
    per_rater = np.einsum("i,irk->rk", data.weights, data.onehot)
    rated = per_rater.sum(axis=1)
    if not rated.all():
        return data.undefined("Conger's kappa")
    shares = per_rater / rated[:, None]
    others = (shares.sum(axis=0) - shares) @ data.credit
    pairs = data.raters * (data.raters - 1)
    expected = float((shares * others).sum()) / pairs
    centred = data.onehot - data.onehot.sum(axis=2, keepdims=True) * shares
    slope = 2 / pairs * np.einsum("irk,rk,r->i", centred, others, data.total / rated)
    return data.chance_corrected("Conger's kappa", expected, slope)


def krippendorff_alpha(
    ratings: ArrayLike,
    *,
    classes: ArrayLike = BINARY,
    weighting: Weighting = "unweighted",
    weights: ArrayLike | None = None,
) -> Agreement:
    """Krippendorff's alpha (2011): nominal ("unweighted") or interval ("quadratic") data, any missing ratings.

    ``alpha = 1 - (N - 1) sum_i A_i / sum_kl d_kl n_k n_l`` with d = 1 - w, N the ratings in studies rated twice
    or more, n_k those of class k, and A_i the disagreement in a study over its number of ratings less one.

    Parameters
    ----------
    ratings, classes, weighting, weights
        As in `fleiss_kappa`; studies with fewer than two ratings are left out.

    Returns
    -------
    Agreement

    Raises
    ------
    ValueError
        As `fleiss_kappa`.
    """
    data = Ratings(ratings, classes, weighting, weights)
    paired = data.times >= 2
    heft = data.weights * paired
    studies = float(heft.sum())
    apart = 1 - data.credit
    within = (
        np.einsum("ik,kl,il->i", data.counts, apart, data.counts) / np.maximum(data.times - 1, 1) * paired
    )
    used = heft @ data.counts
    ratings_used, chance = float(used.sum()), float(used @ apart @ used)
    if not chance > 0:
        return data.undefined("Krippendorff's alpha")
    disagreement = float(heft @ within)
    alpha = 1 - disagreement * (ratings_used - 1) / chance
    by_class = disagreement * ((ratings_used - 1) * 2 * (apart @ used) / chance - 1) / chance
    pull = data.counts @ by_class - within * (ratings_used - 1) / chance
    influence = paired * (studies * pull - heft @ pull)
    return Agreement(
        name="Krippendorff's alpha",
        coefficient=alpha,
        se=standard_error(influence, heft),
        observed=1 - disagreement / ratings_used,
        expected=1 - chance / (ratings_used * (ratings_used - 1)),
        n=studies,
        raters=data.raters,
        influence=influence,
    )


def light_kappa(
    ratings: ArrayLike,
    *,
    classes: ArrayLike = BINARY,
    weighting: Weighting = "unweighted",
    weights: ArrayLike | None = None,
) -> Agreement:
    """Light's kappa (1971): the mean of Cohen's kappas over all pairs of raters, each on the studies both rated.

    Parameters
    ----------
    ratings, classes, weighting, weights
        As in `fleiss_kappa`.

    Returns
    -------
    Agreement
        NaN if the kappa of any pair is undefined.

    Raises
    ------
    ValueError
        As `fleiss_kappa`.
    """
    data = Ratings(ratings, classes, weighting, weights)
    kappas, influence = [], np.zeros(len(data.weights))
    for first in range(data.raters):
        for second in range(first + 1, data.raters):
            kappa, pull = data.pair_kappa(first, second)
            kappas.append(kappa)
            influence += pull
    if np.isnan(kappas).any():
        return data.undefined("Light's kappa")
    influence /= len(kappas)
    return Agreement(
        name="Light's kappa",
        coefficient=float(np.mean(kappas)),
        se=standard_error(influence, data.weights),
        observed=float("nan"),
        expected=float("nan"),
        n=data.total,
        raters=data.raters,
        influence=influence,
    )
