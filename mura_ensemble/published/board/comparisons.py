"""Every entry against the top, its neighbours above and below, and each reader: bounds over all unseen overlaps."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mura_ensemble.published.tables.bounds import overlap_bounds
from mura_ensemble.published.tables.forensics import RecoveredBoard
from mura_ensemble.published.tables.lattice import RoundedTables
from mura_ensemble.stats.kappa.cohen import cohen_kappa

__all__ = ["comparisons_frame"]

_BOUNDS = (
    ("p_low", np.minimum),
    ("p_high", np.maximum),
    ("mid_p_low", np.minimum),
    ("mid_p_high", np.maximum),
    ("better_low", np.minimum),
    ("better_high", np.maximum),
)


def comparisons_frame(
    recovered: RecoveredBoard, readers: Mapping[str, RoundedTables], *, level: float = 0.05
) -> pd.DataFrame:
    """Compare every comparable entry with the top, with its neighbours and with every reader.

    Parameters
    ----------
    recovered
        A board with at least one comparable entry.
    readers
        Their possible tables on the same studies; bounds run over all of them.
    level
        Of the two-sided test behind `verdict`.

    Returns
    -------
    DataFrame
        Index (entry, against); `against` is "top", "above" (the nearest larger kappa), "next" (the
        nearest smaller one) or a reader's name. `other` (the label compared
        with), `difference` of kappas (entry - other), `error_gap` (errors of other - errors of entry; the
        smallest over a reader's tables), `p_low`, `p_high` (exact McNemar), `mid_p_low`, `mid_p_high`,
        `better_low`, `better_high` (probability of fewer errors on studies drawn alike), `narrow_low`,
        `narrow_high`, `wide_low`, `wide_high` (95 % intervals of the difference at the most and the least
        favourable overlap) and `verdict`.
    """
    rows = np.flatnonzero(recovered.comparable)
    tables = recovered.tables[rows]
    labels = recovered.entries[rows]
    # By exact kappa, the order of the board: it need not come sorted.
    kappas = cohen_kappa(tables[:, -1])
    order = np.argsort(-kappas, kind="stable")
    above = np.array([_next_above(kappas, order, e) for e in range(len(rows))])
    below = np.array([_next_above(-kappas, order[::-1], e) for e in range(len(rows))])
    frames = [
        _against("top", np.delete(np.arange(len(rows)), order[0]), tables, labels, [tables[order[0]]]),
    ]
    frames[0]["other"] = str(labels[order[0]])
    for against, neighbour in (("above", above), ("next", below)):
        having = np.flatnonzero(neighbour >= 0)
        frames.append(_against(against, having, tables, labels, [tables[neighbour[having]]]))
        frames[-1]["other"] = [str(labels[e]) for e in neighbour[having]]
    for reader, found in readers.items():
        frames.append(_against(reader, np.arange(len(rows)), tables, labels, list(found.tables)))
        frames[-1]["other"] = reader
    frame = pd.concat(frames)
    frame.insert(0, "other", frame.pop("other"))
    frame["verdict"] = np.select(
        [frame["p_high"] < level, frame["p_low"] < level],
        ["separated whatever the overlap", "depends on the overlap"],
        "not separated whatever the overlap",
    )
    return frame


def _next_above(kappas: NDArray[np.float64], order: NDArray[np.int64], entry: int) -> int:
    """Position of the nearest entry of larger kappa; -1 for those at the top."""
    larger = order[kappas[order] > kappas[entry] + 1e-12]
    return int(larger[-1]) if len(larger) else -1


def _against(
    against: str,
    rows: NDArray[np.int64],
    tables: NDArray[np.int64],
    labels: pd.Index,
    others: list[NDArray[np.int64]],
) -> pd.DataFrame:
    # Study types bound tightest; without them the overall table is its own part.
    parts = slice(0, -1) if tables.shape[1] > 1 else slice(None)
    found = [overlap_bounds(tables[rows, parts], other[..., parts, :, :]) for other in others]
    frame = pd.DataFrame(
        index=pd.MultiIndex.from_arrays([labels[rows], [against] * len(rows)], names=["entry", "against"])
    )
    frame["difference"] = np.mean([bounds.difference for bounds in found], axis=0)
    frame["error_gap"] = np.min([bounds.error_gap for bounds in found], axis=0)
    for name, extreme in _BOUNDS:
        frame[name] = extreme.reduce([getattr(bounds, name) for bounds in found])
    wide = np.array([bounds.wide for bounds in found])
    frame["wide_low"], frame["wide_high"] = wide[..., 0].min(axis=0), wide[..., 1].max(axis=0)
    narrow = np.array([bounds.narrow for bounds in found])
    narrowest = np.ptp(narrow, axis=-1).argmin(axis=0)
    chosen = narrow[narrowest, np.arange(len(rows))]
    frame["narrow_low"], frame["narrow_high"] = chosen[:, 0], chosen[:, 1]
    return frame
