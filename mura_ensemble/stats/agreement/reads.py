"""Distinct rows of reads and calls, and weights over them: resamples and jackknife of patients.

Everything about readers, panels and models is a sum over studies of some function of the row (reads, calls). Equal
rows are counted once; a resample of patients is then one vector of weights over distinct rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_matrix

from mura_ensemble.stats.kappa.cohen import cohen_kappa
from mura_ensemble.stats.validation import patient_codes

FloatArray = NDArray[np.float64]

_WEIGHTS_PER_CHUNK = 2**21
_ROUNDING = 1e-12  # share of a table that an empty cell may come out as where gold standards are shares


@dataclass(frozen=True)
class DistinctReads:
    """Distinct rows of a reader study.

    Attributes
    ----------
    rows : (U, C) float64
        Distinct rows of the columns given; NaN = missing.
    times : (U,) float64
        Studies with each row.
    patients : int
        Number of patients K (each study its own where none were given).
    by_patient : (K, U) sparse
        Studies of each patient with each row.
    """

    rows: FloatArray
    times: FloatArray
    patients: int
    by_patient: csr_matrix

    def resamples(self, resamples: int, rng: int | np.random.Generator) -> Iterator[FloatArray]:
        """Yield (b, U) weights of bootstrap resamples of patients, b summing to `resamples`.

        Only the number of patients steers the draw, so a reader's digits do not depend on the other columns.
        """
        generator = np.random.default_rng(rng)
        chunk = max(1, _WEIGHTS_PER_CHUNK // max(self.patients, len(self.times)))
        for start in range(0, resamples, chunk):
            b = min(chunk, resamples - start)
            drawn = generator.integers(0, self.patients, size=(b, self.patients))
            drawn += np.arange(0, b * self.patients, self.patients)[:, None]
            counts = np.bincount(drawn.ravel(), minlength=b * self.patients).reshape(b, self.patients)
            yield np.asarray((self.by_patient.T @ counts.T.astype(np.float64)).T)

    def leave_one_out(self) -> Iterator[FloatArray]:
        """Yield (b, U) weights with one patient left out, b summing to the number of patients."""
        chunk = max(1, _WEIGHTS_PER_CHUNK // len(self.times))
        for start in range(0, self.patients, chunk):
            yield np.asarray(self.times - self.by_patient[start : start + chunk].toarray())


def distinct_reads(columns: ArrayLike, patients: ArrayLike | None = None) -> DistinctReads:
    """Count the distinct rows of 0/1/NaN columns.

    Parameters
    ----------
    columns : (n, C) of 0, 1 or NaN
    patients : (n,) labels, optional

    Raises
    ------
    ValueError
        If a value is not 0, 1 or NaN, there is no study, or lengths differ.
    """
    values = np.asarray(columns, dtype=np.float64)
    if values.ndim != 2 or not len(values):
        raise ValueError(f"reads must be (n, C) with a study at least, not {values.shape}")
    if not (np.isnan(values) | (values == 0) | (values == 1)).all():
        raise ValueError("reads and calls must be 0, 1 or NaN")
    unit, total = patient_codes(patients, len(values))
    coded = np.where(np.isnan(values), -1, values).astype(np.int8)
    distinct, place = np.unique(coded, axis=0, return_inverse=True)
    place = place.reshape(-1)
    by_patient = csr_matrix((np.ones(len(values)), (unit, place)), shape=(total, len(distinct)))
    return DistinctReads(
        rows=np.where(distinct < 0, np.nan, distinct),
        times=np.bincount(place, minlength=len(distinct)).astype(np.float64),
        patients=total,
        by_patient=by_patient,
    )


def weighted_tables(gold: FloatArray, calls: FloatArray, weights: FloatArray) -> FloatArray:
    """2x2 table of every rater against every gold standard under each vector of weights.

    Parameters
    ----------
    gold : (U, P) in [0, 1] or NaN
        Gold standards; between 0 and 1 the share of equally likely gold standards that say abnormal.
    calls : (U, R) of 0, 1 or NaN
    weights : (b, U)

    Returns
    -------
    (b, P, R, 2, 2) of [[TN, FP], [FN, TP]]. A study without gold or call is left out of that pair only.
    """
    known, called = ~np.isnan(gold), ~np.isnan(calls)
    share, positive = np.where(known, gold, 0.0), np.where(called, calls, 0.0)
    # Raters who called the same studies, as most do, share the counts of those.
    seen, which = np.unique(called, axis=1, return_inverse=True)
    columns = np.hstack([positive, seen])
    abnormal = _products(share, columns, weights)
    if known.all():
        either = np.broadcast_to((weights @ columns)[:, None], abnormal.shape)
    else:
        either = _products(known.astype(np.float64), columns, weights)
    raters, place = calls.shape[1], calls.shape[1] + which.reshape(-1)
    hits, sick = abnormal[..., :raters], abnormal[..., place]
    said, total = either[..., :raters], either[..., place]
    cells = [total - sick - said + hits, said - hits, sick - hits, hits]
    tables = np.stack(cells, axis=-1)
    tables[tables < _ROUNDING * total[..., None]] = 0.0
    return tables.reshape(*hits.shape, 2, 2)


def weighted_kappas(gold: FloatArray, calls: FloatArray, weights: FloatArray) -> FloatArray:
    """Kappa of every rater against every gold standard, (b, P, R); as `weighted_tables`, NaN where undefined."""
    return cohen_kappa(weighted_tables(gold, calls, weights))


def _products(gold: FloatArray, columns: FloatArray, weights: FloatArray) -> FloatArray:
    """``sum_u weights[b, u] gold[u, p] columns[u, c]`` as (b, P, C)."""
    both = (gold[:, :, None] * columns[:, None, :]).reshape(len(gold), -1)
    return (weights @ both).reshape(len(weights), gold.shape[1], columns.shape[1])
