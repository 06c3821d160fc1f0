"""The rules that pool the views of a study.

Views come as (n, V, M) arrays: n studies, up to V views in rising order of probability, M backbones; NaN
beyond a study's views and where a view failed. A pooled probability is NaN where no view is left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from mura_ensemble.data.errors import InputError
from mura_ensemble.ensembles.combining.combination import Array, Names, Sample, to_logit
from mura_ensemble.ensembles.combining.logistic import logistic_path

__all__ = [
    "FIXED",
    "GROWS_WITH_VIEWS",
    "LEARNED",
    "POOLINGS",
    "FixedPooling",
    "LearnedPooling",
    "Pooling",
    "fit_pooling",
    "fixed_pooling",
    "grows_with_views",
    "pooled",
    "rules_of",
]


class Pooling(Protocol):
    """Views to one probability per study and backbone; its fields are what JSON keeps of it."""

    @property
    def kind(self) -> str:
        """Its name."""

    def pool(self, views: Array, study_types: Names) -> Array:
        """Pool `views` (n, V, M) to (n, M)."""


def _counted(views: Array, total: Array) -> Array:
    """`total` where a study has a view, NaN elsewhere."""
    return np.where(np.isnan(views).all(axis=1), np.nan, total)


def _mean(views: Array) -> Array:
    count = np.count_nonzero(~np.isnan(views), axis=1)
    mean: Array = np.divide(
        np.nansum(views, axis=1), count, out=np.full(count.shape, np.nan), where=count > 0
    )
    return mean


def _logit_mean(views: Array) -> Array:
    from scipy.special import expit

    pooled: Array = expit(_mean(to_logit(views)))
    return pooled


def _max(views: Array) -> Array:
    return _counted(views, np.fmax.reduce(views, axis=1))


def _noisy_or(views: Array) -> Array:
    return _counted(views, 1 - np.where(np.isnan(views), 1.0, 1 - views).prod(axis=1))


def _top(views: Array, k: int) -> Array:
    kept = -np.sort(-views, axis=1)[:, :k]  # NaN sorts last
    return _mean(kept)


def _top_2(views: Array) -> Array:
    return _top(views, 2)


def _top_3(views: Array) -> Array:
    return _top(views, 3)


FIXED: Mapping[str, Callable[[Array], Array]] = {
    "mean": _mean,
    "logit-mean": _logit_mean,
    "max": _max,
    "noisy-or": _noisy_or,
    "top-2": _top_2,
    "top-3": _top_3,
}
"""Rules that are fitted to nothing. `mean` is the arithmetic mean of the view probabilities, as in MURA's paper
(Rajpurkar et al. 2017, arXiv 1712.06957); `noisy-or` is 1 - product(1 - p); `top-k` is the mean of the k
highest."""

LEARNED = ("learned", "learned-per-study-type")
POOLINGS = (*FIXED, *LEARNED)

GROWS_WITH_VIEWS = frozenset({"max", "noisy-or"})
"""Rules whose probability rises with the number of views: at a fixed cut of 0.5 more views mean more abnormal
calls, whatever they show."""


@dataclass(frozen=True)
class FixedPooling:
    """A rule of `FIXED`, or one for most study types and others for some: `mean,hand=max,wrist=top-2`.

    Attributes
    ----------
    kind : str
        As above; `rules_of` reads it.
    """

    kind: str = "mean"

    def pool(self, views: Array, study_types: Names) -> Array:
        """Pool `views` (n, V, M) to (n, M)."""
        common, others = rules_of(self.kind)
        pooled = FIXED[common](views)
        for study_type, rule in others.items():
            rows = study_types == study_type
            pooled[rows] = FIXED[rule](views[rows])
        return pooled


def rules_of(kind: str) -> tuple[str, dict[str, str]]:
    """The common rule of `mean,hand=max,wrist=top-2`, and the rules of single study types.

    Raises
    ------
    InputError
        If it is not of that form, or a rule is unknown or learned.
    """
    common, *parts = (part.strip() for part in kind.split(","))
    others: dict[str, str] = {}
    for part in parts:
        study_type, equals, rule = (word.strip() for word in part.partition("="))
        if not (study_type and equals) or study_type in others:
            raise InputError(
                f"pooling '{kind}': '{part}' is not TYPE=RULE, once per type, as in mean,hand=max"
            )
        others[study_type] = rule
    for rule in (common, *others.values()):
        if rule in LEARNED and rule == kind:
            raise InputError(
                f"pooling '{rule}' is fitted to labelled studies; fit it with mura-ensemble fit-stack"
            )
        if rule not in FIXED:
            raise InputError(
                f"pooling '{rule}' is unknown; choose {', '.join(POOLINGS)}, or a fixed rule per study type as in "
                "mean,hand=max"
            )
    return common, others


def grows_with_views(kind: str) -> bool:
    """Whether a rule in it makes more views more abnormal, whatever they show."""
    if kind in LEARNED:
        return False
    common, others = rules_of(kind)
    return not GROWS_WITH_VIEWS.isdisjoint({common, *others.values()})


TERMS = ("intercept", "mean", "max", "min", "log_views")
_RIDGE, _TYPE_RIDGE = 1.0, 30.0


@dataclass(frozen=True)
class LearnedPooling:
    """Logistic regression on logit mean, logit max, logit min and log number of views, backbone by backbone.

    Attributes
    ----------
    kind : str
    coefficients : mapping
        Term of `TERMS` to one number per backbone.
    type_coefficients : mapping
        Study type to term to what is added per backbone; empty unless fitted per study type.
    """

    kind: str
    coefficients: Mapping[str, tuple[float, ...]]
    type_coefficients: Mapping[str, Mapping[str, tuple[float, ...]]] = field(default_factory=dict)

    def pool(self, views: Array, study_types: Names) -> Array:
        """Pool `views` (n, V, M) to (n, M)."""
        from scipy.special import expit

        terms = _terms(views)
        total = _sum(terms, self.coefficients)
        for name, own in self.type_coefficients.items():
            rows = study_types == name
            total[rows] += _sum(terms[:, rows], own)
        pooled: Array = expit(total)
        return pooled


def fixed_pooling(kind: str) -> FixedPooling:
    """The rule of that name; see `rules_of`.

    Raises
    ------
    InputError
        If it is unknown or has to be fitted.
    """
    rules_of(kind)
    return FixedPooling(kind)


def fit_pooling(kind: str, sample: Sample) -> Pooling:
    """The rule of that name; a learned one is fitted to `sample` (probabilities (n, V, M)).

    The ridge is fixed: four terms and some hundred studies leave nothing to choose.
    """
    if kind not in LEARNED:
        return fixed_pooling(kind)
    terms = _terms(sample.probabilities)[1:]
    types = np.unique(sample.study_types).tolist() if kind == LEARNED[1] else []
    member = [(sample.study_types == name).astype(np.float64) for name in types]
    ridge = np.array([[_RIDGE] * len(terms) + [_TYPE_RIDGE] * (len(types) * len(TERMS))])
    found = []
    for backbone in range(sample.probabilities.shape[2]):
        columns = terms[:, :, backbone].T
        whole = np.column_stack([np.ones(len(columns)), columns])
        own = [whole * here[:, None] for here in member]
        found.append(logistic_path(np.concatenate([columns, *own], axis=1), sample.gold, ridge)[0])
    by_term = np.array(found).T.reshape(len(types) + 1, len(TERMS), -1)
    named = [dict(zip(TERMS, (tuple(row) for row in block), strict=True)) for block in by_term.tolist()]
    return LearnedPooling(kind, named[0], dict(zip(types, named[1:], strict=True)))


def pooled(pooling: Pooling, sample: Sample) -> Sample:
    """The sample (n, V, M) as one (n, M).

    What is remembered of it is kept apart for every rule, and for a learned rule for every set of folds it was
    fitted on.
    """
    fitted_on = sample.names_of_folds if pooling.kind in LEARNED else ()
    memo = sample.memo.setdefault(("pooled", pooling.kind, fitted_on), {})
    probabilities = pooling.pool(sample.probabilities, sample.study_types)
    return Sample(
        probabilities,
        sample.gold,
        sample.study_types,
        sample.patients,
        sample.folds,
        sample.weights,
        memo,
    )


def _terms(views: Array) -> Array:
    """Terms (5, n, M) in the order of `TERMS`; NaN without a view."""
    count = np.count_nonzero(~np.isnan(views), axis=1).astype(np.float64)
    lowest = _counted(views, np.fmin.reduce(views, axis=1))
    log_count = np.log(np.where(count > 0, count, np.nan))
    logits = [to_logit(pooled) for pooled in (_mean(views), _max(views), lowest)]
    return np.stack([np.ones_like(count), *logits, log_count])


def _sum(terms: Array, coefficients: Mapping[str, tuple[float, ...]]) -> Array:
    total: Array = (terms * np.array([coefficients[name] for name in TERMS])[:, None, :]).sum(axis=0)
    return total
