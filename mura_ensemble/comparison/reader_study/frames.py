"""Readers, models, and each model against each reader, as frames."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mura_ensemble.comparison.measures.claims import error_rate
from mura_ensemble.comparison.reader_study.design import Design, Settings
from mura_ensemble.stats.agreement.latent import LatentGold
from mura_ensemble.stats.comparing.multiplicity import holm, max_t
from mura_ensemble.stats.division import ratio
from mura_ensemble.stats.reader_study.alternative import AlternativeTest
from mura_ensemble.stats.reader_study.isolated import isolated_agreement
from mura_ensemble.stats.reader_study.obuchowski import ReaderSample, readers_as_sample
from mura_ensemble.stats.reader_study.panel_scores import PanelStudy
from mura_ensemble.stats.reader_study.reader_roc import against_best

__all__ = ["contrast_frame", "model_frame", "reader_frame"]

FloatArray = NDArray[np.float64]


def reader_frame(
    names: list[str],
    votes: FloatArray,
    design: Design,
    figure: str,
    settings: Settings,
    latent: LatentGold | None,
) -> pd.DataFrame:
    """One row per reader."""
    found, unit, count = design.found, settings.patients, len(names)
    groups = [
        isolated_agreement(votes[:, j], np.delete(votes, j, axis=1), patients=unit, level=settings.level)
        for j in range(count)
    ]
    reads, abnormal = (~np.isnan(votes)).sum(axis=0), (votes == 1).sum(axis=0)
    frame = pd.DataFrame(
        {
            "reads": reads,
            "abnormal": abnormal,
            "abnormal_share": ratio(abnormal, reads),
            "decided": np.where(design.seated, np.nan, found.decided[:count]),
            "in_panel": design.seated,
            figure: found.mean[:count],
            "low": found.mean_low[:count],
            "high": found.mean_high[:count],
            f"{figure}_in_own_panels": found.own,
            "bias": found.bias,
            "bias_low": found.bias_low,
            "bias_high": found.bias_high,
            "kappa_with_group": [group.kappa for group in groups],
            "group_low": [group.low for group in groups],
            "group_high": [group.high for group in groups],
        },
        index=pd.Index(names, name="reader"),
    )
    if latent is not None:
        for name, values in (("sensitivity", latent.sensitivity), ("specificity", latent.specificity)):
            for part, row in zip(("", "_low", "_high"), values, strict=True):
                frame[f"latent_{name}{part}"] = row
    return frame


def model_frame(
    rivals: list[str],
    names: list[str],
    models: FloatArray,
    votes: FloatArray,
    design: Design,
    figure: str,
    settings: Settings,
    latent: LatentGold | None,
    tests: list[AlternativeTest],
    margin: float,
) -> pd.DataFrame:
    """One row per model; p values are adjusted for the number of models."""
    found, level = design.found, settings.level
    samples = [_sample(found, m, margin, level) for m in range(len(rivals))]
    above = max_t(found.overall, _mean_defined(found.contrast_draws))
    populations = holm([np.nan if one is None else one.p for one in samples])
    within = holm([np.nan if one is None else float(one.p_noninferior or 0.0) for one in samples])
    rows = []
    for m, sample in enumerate(samples):
        contrast = found.contrast[m]
        row: dict[str, object] = {
            figure: found.mean[len(names) + m],
            "low": found.mean_low[len(names) + m],
            "high": found.mean_high[len(names) + m],
            "readers": int((~np.isnan(contrast)).sum()),
            "difference": found.overall[m],
            "diff_low": found.overall_low[m],
            "diff_high": found.overall_high[m],
            "p_adjusted": above[m],
        }
        if sample is not None:
            row |= {
                "population_low": sample.low,
                "population_high": sample.high,
                "population_df": sample.df,
                "population_p_adjusted": populations[m],
                "p_noninferior_adjusted": within[m],
                # A population cannot be more certain than the readers seen: few readers that happen to agree
                # make the interval for all readers shorter than the one for these.
                "noninferior": bool(within[m] < error_rate(level) / 2 and found.overall_low[m] > -margin),
            }
        if not np.isnan(contrast).all():
            best = against_best(contrast, found.contrast_draws[:, m], level=level)
            row |= {
                "best_reader": names[best.reader],
                "best_difference": best.difference,
                "best_low": best.low,
                "best_high": best.high,
            }
        group = isolated_agreement(models[:, m], votes, patients=settings.patients, level=level)
        row |= {
            "winning_rate": tests[m].winning_rate,
            "advantage": tests[m].advantage,
            "readers_tested": tests[m].tested,
            "kappa_with_group": group.kappa,
            "group_low": group.low,
            "group_high": group.high,
        }
        if latent is not None:
            row |= {f"latent_kappa{part}": latent.kappa[k, m] for k, part in enumerate(("", "_low", "_high"))}
        if design.every is not None:
            row["beats_best_outside"] = _beats_best(design.every, len(names), m)
        rows.append(row)
    frame = pd.DataFrame(rows, index=pd.Index(rivals, name="model"))
    if len(frame) and "noninferior" in frame:
        frame["noninferior"] = frame["noninferior"].astype("boolean").fillna(value=False).astype(bool)
    return frame


def _sample(found: PanelStudy, m: int, margin: float, level: float) -> ReaderSample | None:
    """The readers as a sample of all, where two of them and two patients allow it."""
    usable = ~np.isnan(found.contrast[m]) & ~np.isnan(found.contrast_jackknife[:, m]).any(axis=0)
    if usable.sum() < 2 or len(found.contrast_jackknife) < 2:
        return None
    return readers_as_sample(found.contrast[m], found.contrast_jackknife[:, m], margin=margin, level=level)


def _mean_defined(draws: FloatArray) -> FloatArray:
    known = ~np.isnan(draws)
    return ratio(np.where(known, draws, 0.0).sum(axis=-1), known.sum(axis=-1))


def _beats_best(found: PanelStudy, readers: int, m: int) -> float:
    """Share of the panels in which a model is above every reader outside."""
    outside = np.where(
        found.inside[:, :readers] | np.isnan(found.kappa[:, :readers]), -np.inf, found.kappa[:, :readers]
    )
    own, best = found.kappa[:, readers + m], outside.max(axis=1)
    compared = ~np.isnan(own) & np.isfinite(best)
    return float(ratio((own > best)[compared].sum(), compared.sum()))


def contrast_frame(rivals: list[str], names: list[str], found: PanelStudy) -> pd.DataFrame:
    """One row per model and reader."""
    # One family: a claim about the best of many models pays for all of them.
    draws = found.contrast_draws.reshape(len(found.contrast_draws), -1)
    adjusted = max_t(found.contrast.ravel(), draws).reshape(found.contrast.shape)
    parts = [
        pd.DataFrame(
            {
                "model": rival,
                "reader": names,
                "difference": found.contrast[m],
                "low": found.contrast_low[m],
                "high": found.contrast_high[m],
                "p_adjusted": adjusted[m],
            }
        )
        for m, rival in enumerate(rivals)
    ]
    columns = ["model", "reader", "difference", "low", "high", "p_adjusted"]
    frame = pd.concat(parts) if parts else pd.DataFrame(columns=columns)
    return frame.dropna(subset=["difference"]).set_index("model")
