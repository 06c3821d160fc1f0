"""The frames of a reader study, one function per table."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mura_ensemble.stats.agreement import fleiss_kappa, gwet_ac, krippendorff_alpha
from mura_ensemble.stats.alternative import alternative_test
from mura_ensemble.stats.isolated import isolated_agreement
from mura_ensemble.stats.latent import dawid_skene
from mura_ensemble.stats.multiplicity import max_t
from mura_ensemble.stats.obuchowski import readers_as_sample
from mura_ensemble.stats.panel_scores import PanelStudy
from mura_ensemble.stats.reader_roc import against_best, reader_points

__all__ = [
    "agreement_frame",
    "contrast_frame",
    "model_frame",
    "operating_frame",
    "panel_frame",
    "reader_frame",
]

FloatArray = NDArray[np.float64]


def reader_frame(
    names: list[str],
    votes: FloatArray,
    unit: NDArray[np.str_] | None,
    found: PanelStudy,
    seated: list[bool],
    level: float,
    resamples: int,
    seed: int,
    notes: list[str],
) -> pd.DataFrame:
    """One row per reader; what must be known of it is added to `notes`."""
    count = len(names)
    groups = [
        isolated_agreement(votes[:, j], np.delete(votes, j, axis=1), patients=unit, level=level)
        for j in range(count)
    ]
    frame = pd.DataFrame(
        {
            "reads": (~np.isnan(votes)).sum(axis=0),
            "abnormal": (votes == 1).sum(axis=0),
            "in_panel": seated,
            "kappa": found.mean[:count],
            "low": found.mean_low[:count],
            "high": found.mean_high[:count],
            "kappa_in_own_panels": found.own,
            "bias": found.bias,
            "bias_low": found.bias_low,
            "bias_high": found.bias_high,
            "kappa_with_group": [group.kappa for group in groups],
            "group_low": [group.low for group in groups],
            "group_high": [group.high for group in groups],
        },
        index=pd.Index(names, name="reader"),
    )
    if count >= 3:
        latent = dawid_skene(votes, patients=unit, level=level, resamples=min(resamples, 300), rng=seed)
        for name, values in (("sensitivity", latent.sensitivity), ("specificity", latent.specificity)):
            for part, row in zip(("", "_low", "_high"), values, strict=True):
                frame[f"latent_{name}{part}"] = row
        notes.append(
            f"Latent gold standard of the readers (Dawid and Skene): prevalence {latent.prevalence[0]:.3f}; it takes "
            "reads as independent given the truth, and is too kind where hard studies mislead all."
            + ("" if latent.converged else " EM did not converge.")
        )
    return frame


def model_frame(
    rivals: list[str],
    names: list[str],
    models: FloatArray,
    votes: FloatArray,
    unit: NDArray[np.str_] | None,
    found: PanelStudy,
    margin: float,
    level: float,
    resamples: int,
    seed: int,
) -> pd.DataFrame:
    """One row per model."""
    rows = []
    latent = (
        dawid_skene(votes, models, patients=unit, level=level, resamples=min(resamples, 300), rng=seed).kappa
        if rivals and len(names) >= 3
        else np.full((3, len(rivals)), np.nan)
    )
    for m in range(len(rivals)):
        row: dict[str, object] = {
            "kappa": found.mean[len(names) + m],
            "low": found.mean_low[len(names) + m],
            "high": found.mean_high[len(names) + m],
            "difference": found.overall[m],
            "diff_low": found.overall_low[m],
            "diff_high": found.overall_high[m],
        }
        defined = ~np.isnan(found.contrast[m])
        if defined.sum() >= 2:
            sample = readers_as_sample(
                found.contrast[m], found.contrast_jackknife[:, m], margin=margin, level=level
            )
            row |= {
                "readers": sample.readers,
                "population_low": sample.low,
                "population_high": sample.high,
                "population_df": sample.df,
                "population_p": sample.p,
                # A population cannot be more certain than the readers seen: few readers that happen to agree
                # make the interval for all readers shorter than the one for these.
                "noninferior": bool(sample.noninferior and found.overall_low[m] > -margin),
                "p_noninferior": sample.p_noninferior,
            }
        if defined.any():
            best = against_best(found.contrast[m], found.contrast_draws[:, m], level=level)
            row |= {
                "best_reader": names[best.reader],
                "best_difference": best.difference,
                "best_low": best.low,
                "best_high": best.high,
            }
        test = alternative_test(models[:, m], votes, patients=unit)
        group = isolated_agreement(models[:, m], votes, patients=unit, level=level)
        row |= {
            "winning_rate": test.winning_rate,
            "advantage": test.advantage,
            "readers_tested": test.tested,
            "kappa_with_group": group.kappa,
            "group_low": group.low,
            "group_high": group.high,
            "latent_kappa": latent[0, m],
            "latent_low": latent[1, m],
            "latent_high": latent[2, m],
        }
        if len(found.rank):
            row["mean_rank"] = float(np.nanmean(found.rank[:, len(names) + m]))
            outside = np.where(found.inside[:, : len(names)], -np.inf, found.kappa[:, : len(names)])
            row["beats_best_outside"] = float(
                np.mean(found.kappa[:, len(names) + m] > np.nanmax(outside, axis=1))
            )
        rows.append(row)
    return pd.DataFrame(rows, index=pd.Index(rivals, name="model"))


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


def panel_frame(names: list[str], rivals: list[str], found: PanelStudy) -> pd.DataFrame:
    """One row per panel and rater."""
    raters = [*names, *rivals]
    rows = [
        (
            " + ".join(names[j] for j in seats),
            rater,
            found.kappa[p, r],
            found.rank[p, r],
            bool(found.inside[p, r]),
            n,
        )
        for p, (seats, n) in enumerate(zip(found.panels, found.n, strict=False))
        for r, rater in enumerate(raters)
    ]
    frame = pd.DataFrame(rows, columns=["panel", "rater", "kappa", "rank", "inside", "n"])
    return frame.set_index("panel")


def agreement_frame(votes: FloatArray, unit: NDArray[np.str_] | None, level: float) -> pd.DataFrame:
    """One row per coefficient, standard errors between patients."""
    from scipy.special import stdtrit

    codes = np.arange(len(votes)) if unit is None else np.unique(unit, return_inverse=True)[1]
    rows = []
    for coefficient in (fleiss_kappa(votes), gwet_ac(votes), krippendorff_alpha(votes)):
        by_patient = np.bincount(codes, np.nan_to_num(coefficient.influence))
        units = int((np.bincount(codes, ~np.isnan(votes).all(axis=1)) > 0).sum())
        se = low = high = float("nan")
        if units > 1 and not np.isnan(coefficient.coefficient):
            se = float(np.sqrt(by_patient @ by_patient * units / (units - 1))) / coefficient.n
            half = float(stdtrit(units - 1, (1 + level) / 2)) * se
            if se > 0:
                low, high = (
                    max(-1.0, coefficient.coefficient - half),
                    min(1.0, coefficient.coefficient + half),
                )
        rows.append((coefficient.name, coefficient.coefficient, se, low, high, int(coefficient.n)))
    return pd.DataFrame(rows, columns=["coefficient", "estimate", "se", "low", "high", "n"]).set_index(
        "coefficient"
    )


def operating_frame(
    names: list[str],
    votes: FloatArray,
    probabilities: pd.DataFrame | None,
    standard: FloatArray | None,
    unit: NDArray[np.str_] | None,
    seated: list[bool],
    level: float,
    resamples: int,
    seed: int,
) -> pd.DataFrame:
    """One row per model with probabilities and reader outside the panel."""
    columns = ["model", "reader", "n", "sensitivity", "specificity", "model_sensitivity", "difference"]
    columns += ["low", "high", "p_adjusted"]
    parts = []
    outside = [j for j, sits in enumerate(seated) if not sits]
    if probabilities is not None and standard is not None:
        for model, series in probabilities.items():
            values = series.to_numpy(np.float64)
            kept = ~np.isnan(standard) & ~np.isnan(values)
            if not kept.any():
                continue
            found = reader_points(
                standard[kept],
                values[kept],
                votes[kept][:, outside],
                patients=None if unit is None else unit[kept],
                level=level,
                resamples=resamples,
                rng=seed,
            )
            fields = {name: getattr(found, name) for name in columns[2:]}
            parts.append(pd.DataFrame({"model": model, "reader": [names[j] for j in outside], **fields}))
    frame = pd.concat(parts) if parts else pd.DataFrame(columns=columns)
    return frame.set_index("model")
