"""The strategies as a scikit-learn classifier, for pipelines, searches and `cross_val_predict`.

scikit-learn is imported when `EnsembleClassifier` is first asked for (PEP 562).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mura_ensemble.ensembles.combining.combination import Array, Sample

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from mura_ensemble.ensembles.ensemble import Ensemble

    EnsembleClassifier: Any

__all__ = ["EnsembleClassifier", "to_sklearn"]

FOLDS = 5


def to_sklearn(ensemble: Ensemble) -> Any:
    """An unfitted `EnsembleClassifier` with the recipe of an ensemble.

    It combines one probability per backbone (column): pooling of views and terms of the study type have no
    place in scikit-learn's `fit(X, y)`.

    Raises
    ------
    ValueError
        If the recipe pools by a learned rule or has terms of the study type.
    """
    recipe = ensemble.recipe
    by_type = recipe.strategy in ("stack-types", "hierarchical") or recipe.operating_point in (
        "per-study-type",
        "intercept",
    )
    if by_type or recipe.pooling.startswith("learned"):
        raise ValueError(
            f"recipe '{recipe.label}' needs views or study types, which a scikit-learn estimator does not get"
        )
    return __getattr__("EnsembleClassifier")(
        strategy=recipe.strategy,
        operating_point=recipe.operating_point,
        calibration=recipe.calibration,
        folds=ensemble.evaluation.folds,
    )


def _folds(groups: Any, classes: Any, folds: int) -> Any:
    """Folds (n,) that keep a group together; fewer where there are few groups."""
    from sklearn.model_selection import StratifiedGroupKFold

    count = min(folds, len(np.unique(groups)))
    found = np.zeros(len(groups), dtype=np.int64)
    if count > 1:
        splitter = StratifiedGroupKFold(count)
        for number, (_, held_out) in enumerate(splitter.split(np.zeros(len(groups)), classes, groups)):
            found[held_out] = number
    return found


def _build() -> type:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.multiclass import check_classification_targets, type_of_target
    from sklearn.utils.validation import check_is_fitted, validate_data

    from mura_ensemble.ensembles.recipes import Recipe, fit_parts

    class EnsembleClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        """Combine the probabilities of several backbones.

        Parameters
        ----------
        strategy : str
            A name in `STRATEGIES`.
        operating_point : str
            `half`, `kappa`, `sensitivity=VALUE` or `specificity=VALUE`; moves `predict`, not `predict_proba`.
        calibration : {'none', 'platt', 'isotonic', 'temperature'}
        input : {'probability', 'logit'}
            What the columns of X are: probabilities of the second class in [0, 1], or any log odds.
        folds : int
            Of the cross-validation inside `fit`; they keep the `groups` given to `fit` together.

        Attributes
        ----------
        classes_ : (2,) array
        parts_ : Parts
            Fitted combination, calibration and operating point.
        n_features_in_ : int
        """

        def __init__(
            self,
            strategy: str = "stack",
            operating_point: str = "half",
            calibration: str = "none",
            input: str = "probability",  # noqa: A002
            folds: int = FOLDS,
        ) -> None:
            self.strategy = strategy
            self.operating_point = operating_point
            self.calibration = calibration
            self.input = input
            self.folds = folds

        def __sklearn_tags__(self) -> Any:
            tags = super().__sklearn_tags__()
            tags.classifier_tags.multi_class = False
            return tags

        def fit(self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Any:
            """Fit to X (n, M) and y (n,) of two classes; `groups` (n,) are the patients."""
            X, y = validate_data(self, X, y)
            check_classification_targets(y)
            if type_of_target(y, input_name="y", raise_unknown=True) != "binary":
                raise ValueError("Only binary classification is supported; y has another type of target")
            classes, gold = np.unique(y, return_inverse=True)
            if len(classes) < 2:
                raise ValueError(f"this classifier needs samples of 2 classes, but y has 1 class: {classes}")
            patients = np.arange(len(gold)) if groups is None else np.unique(groups, return_inverse=True)[1]
            sample = Sample(
                self._probabilities(X)[:, None, :],
                gold.astype(np.float64),
                np.full(len(gold), ""),
                patients.astype(np.int64),
                _folds(patients, gold, self.folds),
            )
            recipe = Recipe(self.strategy, operating_point=self.operating_point, calibration=self.calibration)
            self.classes_, self.parts_ = classes, fit_parts(recipe, sample)
            return self

        def predict_proba(self, X: ArrayLike) -> Array:
            """Probability (n, 2) of each class."""
            probability = self._combined(X)
            return np.column_stack([1 - probability, probability])

        def predict(self, X: ArrayLike) -> Any:
            """Class (n,) of each row at the operating point."""
            probability = self._combined(X)
            called = self.parts_.operating_point.call(probability, np.full(len(probability), ""))
            return self.classes_[called.astype(np.int64)]

        def _combined(self, X: ArrayLike) -> Array:
            check_is_fitted(self)
            if not hasattr(self, "parts_"):
                raise NotFittedError("fit this classifier first")
            X = self._probabilities(validate_data(self, X, reset=False))
            combined: Array = self.parts_.probability(X[:, None, :], np.full(len(X), ""))
            return combined

        def _probabilities(self, X: Any) -> Array:
            from scipy.special import expit

            values: Array = np.asarray(X, dtype=np.float64)
            if self.input == "logit":
                found: Array = expit(values)
                return found
            if self.input != "probability":
                raise ValueError(f"input must be 'probability' or 'logit', not {self.input!r}")
            if len(values) and (values.min() < 0 or values.max() > 1):
                raise ValueError(
                    f"X holds values from {values.min():.3g} to {values.max():.3g}, which are no probabilities; "
                    "choose input='logit'"
                )
            return values

    EnsembleClassifier.__module__ = __name__
    EnsembleClassifier.__qualname__ = "EnsembleClassifier"
    return EnsembleClassifier


def __getattr__(name: str) -> Any:
    if name != "EnsembleClassifier":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = globals().get(name) or _build()
    return found
