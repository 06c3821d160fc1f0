"""Permutation test of two dependent kappas: swap rater and reference patient by patient, all swaps at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from mura_ensemble.stats.resampling.patterns import margins_kappa

FloatArray = NDArray[np.float64]
Codes = NDArray[np.int64]

_MOST_STATES = 2**22  # sums of swaps held at once; beyond it swaps are drawn
_SAME = 1e-12  # differences closer than this are one value
_TINY = float(np.finfo(np.float64).tiny)
_ROUNDING = 1e-12  # what a sum over a Fourier transform may be off by


def swap_p(
    gold: Codes,
    call: Codes,
    reference: Codes,
    clusters: Codes | None,
    *,
    swaps: int,
    rng: np.random.Generator,
) -> tuple[float, bool]:
    """Two-sided p of H0: swapping the two raters' calls changes nothing, and whether it is exact.

    Under a swap within each patient with probability 1/2 the two kappas depend only on two sums over patients:
    the net abnormal calls of the rater on studies abnormal, and normal, by gold. Their joint distribution over
    all 2^K swaps is a product of binomials (one study per patient), else the inverse Fourier transform of a
    product of cosines: exact (then to 1e-12) without enumerating swaps. Beyond 4 million sums, `swaps` swaps are drawn and
    p = (1 + hits) / (1 + swaps) (Phipson & Smyth 2010). An exact p below the smallest normal number, 2.2e-308, is
    given as that number: no p is 0.
    """
    gain = call - reference
    unit = np.arange(len(gold)) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    size = int(unit.max()) + 1
    net = np.column_stack([np.bincount(unit, gain * (gold == g), size) for g in (1, 0)]).astype(np.int64)
    net = net[net.any(axis=1)]
    observed = _differences(gold, call, reference, *(np.array(s) for s in net.sum(axis=0)))
    if np.isnan(observed):
        return float("nan"), True
    if not len(net):
        return 1.0, True
    # Swapping makes a vector and its opposite the same move.
    opposite = (net[:, 0] < 0) | ((net[:, 0] == 0) & (net[:, 1] < 0))
    moves, times = np.unique(np.where(opposite[:, None], -net, net), axis=0, return_counts=True)
    spans = np.abs(moves).T @ times + 1
    exact = int(spans.prod()) <= _MOST_STATES
    if exact:
        sums, mass = _all_sums(moves, times, spans)
    else:
        done = 2 * rng.binomial(times, 0.5, size=(swaps, len(times))) - times
        sums, mass = [done @ moves[:, 0], done @ moves[:, 1]], np.full(swaps, 1 / (swaps + 1))
    extreme = np.abs(_differences(gold, call, reference, *sums)) >= np.abs(observed) - _SAME
    hits = float(mass[extreme].sum())
    if not exact:
        return hits + 1 / (swaps + 1), False
    least = 2.0 ** (1 - len(net))  # what was seen and its mirror image
    if _single(moves):
        return min(1.0, max(hits, least, _TINY)), True
    return min(1.0, max(hits, least, _ROUNDING)), True


def _single(moves: Codes) -> bool:
    """Whether every move is one study: no patient has several that count."""
    return bool(np.abs(moves).sum(axis=1).max() == 1)


def _all_sums(moves: Codes, times: Codes, spans: Codes) -> tuple[list[Codes], FloatArray]:
    """Both sums (as a grid) under all swaps, and the probability of each grid point.

    With e = 1 for the patients swapped one way, sums = 2 sum(e v) - sum(v); the lattice is that of sum(e v),
    which spans sum(abs(v)) + 1 points an axis, negative ones wrapped around.
    """
    totals = moves.T @ times
    if _single(moves):
        counts = [int(times[moves[:, axis] == 1].sum()) for axis in (0, 1)]
        first, second = (binom.pmf(np.arange(k + 1), k, 0.5) for k in counts)
        mass = np.outer(first, second)
    else:
        # Half of the second axis is enough for a real result, and moves along one axis need no grid.
        first, second = (
            2 * np.pi * np.arange(k) / span
            for k, span in zip((spans[0], spans[1] // 2 + 1), spans, strict=True)
        )
        turns = [np.ones(len(first), dtype=np.complex128), np.ones(len(second), dtype=np.complex128)]
        grid = np.ones((len(first), len(second)), dtype=np.complex128)
        for move, k in zip(moves, times, strict=True):
            if not move[1]:
                turns[0] *= _turn(move[0] * first, int(k))
            elif not move[0]:
                turns[1] *= _turn(move[1] * second, int(k))
            else:
                grid *= _turn(move[0] * first[:, None] + move[1] * second, int(k))
        mass = np.fft.irfft2(turns[0][:, None] * grid * turns[1], s=tuple(spans))
        mass = np.maximum(mass, 0.0)
    lowest = [int(times @ np.minimum(moves[:, axis], 0)) for axis in (0, 1)]
    sums = []
    for axis in (0, 1):
        place = np.arange(spans[axis])
        place = np.where(place >= spans[axis] + lowest[axis], place - spans[axis], place)
        sums.append(2 * place - totals[axis])
    return [np.broadcast_to(sums[0][:, None], mass.shape), np.broadcast_to(sums[1], mass.shape)], mass


def _turn(theta: FloatArray, times: int) -> NDArray[np.complex128]:
    """Characteristic function at angle theta of the number of heads in that many throws of a fair coin."""
    return np.asarray(np.cos(theta / 2) ** times * np.exp(-0.5j * times * theta))


def _differences(
    gold: Codes, call: Codes, reference: Codes, abnormal: NDArray[np.int64], normal: NDArray[np.int64]
) -> FloatArray:
    """Kappa of rater less kappa of reference when the rater's net abnormal calls are as given, by gold."""
    n, g = np.asarray(float(len(gold))), np.asarray(float(gold.sum()))
    calls_1, calls_0 = ((call + reference)[gold == label].sum() for label in (1, 0))
    kappas = []
    for sign in (1, -1):
        hits = 0.5 * (calls_1 + sign * abnormal)
        alarms = 0.5 * (calls_0 + sign * normal)
        kappas.append(margins_kappa(hits, hits + alarms, g, n))
    return np.asarray(kappas[0] - kappas[1])
