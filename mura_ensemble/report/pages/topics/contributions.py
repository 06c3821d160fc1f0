"""What ensembles are made of and what each is worth, as a section of the report."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from mura_ensemble.comparison.result import Comparison
from mura_ensemble.comparison.topics.contributions import AnatomyFrames
from mura_ensemble.data.numbers import estimate, interval, percent, signed, signed_interval
from mura_ensemble.data.words import count
from mura_ensemble.report.document.blocks import Block, Drawing, Paragraph, Section, TableBlock
from mura_ensemble.report.document.columns import Column, Row
from mura_ensemble.report.document.topic_columns import limits_column, name_column, text_column, value_column
from mura_ensemble.report.figures.contributions import kappa_gaps, weight_grid
from mura_ensemble.report.pages.comparison.verdict import level_name

__all__ = ["anatomy_methods", "anatomy_section"]

_MOST_PAIRS = 15


def anatomy_section(comparison: Comparison, found: AnatomyFrames) -> Section:
    """The ensembles of the leaderboard."""
    return Section("anatomy", "Ensembles taken apart", list(_blocks(comparison, found)))


def _blocks(comparison: Comparison, found: AnatomyFrames) -> Iterator[Block]:
    level = level_name(comparison.level)
    ensembles = found.ensembles
    yield TableBlock(
        ensembles,
        [
            name_column("Ensemble", "ensemble"),
            Column("Made of", lambda row: count(row["backbones"], "backbone"), align="left",
                   detail=lambda row: row["pooling"]),
            Column("Backbones combined by", lambda row: row["combination"], align="left", style="long",
                   detail=lambda row: f"chosen among {row['candidates']} recipes" if row["candidates"] > 1 else ""),
            text_column("Abnormal above", "operating_point", style="long"),
            Column("Fitted on", lambda row: count(row["fitted_studies"], "study", "studies"),
                   detail=lambda row: f"{row['fitted_split']}, {percent(row['fitted_share'])} abnormal"),
        ],
        "Pooling of the views, combination of the backbones, operating point.",
        ("ensembles.csv", "ensembles.json"),
    )  # fmt: skip
    yield Drawing(
        "ensemble-gaps",
        kappa_gaps(ensembles, simulated=comparison.simulated),
        f"Three kappas of every ensemble, with {level} intervals where there are any.",
        "For each ensemble its apparent, its nested and its kappa on the studies scored here; the same numbers stand in the "
        "table below.",
        reading="Apparent: the studies that chose the weights and thresholds also judge them, an estimate that flatters. "
        "Nested: every choice of the fit was made without the patient who is judged; if the backbones were chosen on these "
        "studies before, as by search, that choice is not counted. Compare these two with each other; the third "
        "kappa is of other studies, perhaps with another gold standard.",
        file="figures/ensemble_gaps.svg",
    )
    yield TableBlock(
        ensembles,
        [
            name_column("Ensemble", "ensemble"),
            Column("Apparent", lambda row: estimate(row["apparent"]), below="flatters",
                   help="On the studies of the fit, by an ensemble that saw them."),
            Column("Nested", lambda row: estimate(row["nested"]), detail=_nested,
                   help="On the studies of the fit, every one judged by an ensemble fitted without its patient."),
            Column("Gap", lambda row: signed(row["gap"]), help="Apparent minus nested: what a report without nesting adds."),
            Column("Scored here", lambda row: estimate(row["kappa"]), detail=_here,
                   help="Kappa of the leaderboard."),
            Column("Abnormal here", lambda row: percent(row["scored_share"]),
                   detail=lambda row: f"{percent(row['fitted_share'])} in the fit",
                   help="Share of abnormal studies among those scored here; a kappa belongs to its share."),
        ],
        f"What every ensemble is worth, with {level_name(comparison.level)} intervals of this report and those "
        f"recorded by the fit.",
        ("ensembles.csv", "ensembles.json", "ensembles.tex"),
    )  # fmt: skip
    yield from _weights(comparison, found.weights)
    if len(found.shares):
        yield TableBlock(
            found.shares,
            [
                name_column("Backbone", "backbone"),
                limits_column("Adds", "share", "low", "high", difference=True),
            ],
            f"What each backbone adds to the kappa of the plain mean of all on the studies scored here, with {level} "
            f"intervals (Shapley values; they sum to that kappa, {estimate(found.mean_kappa)}). Nothing is fitted in them.",
            ("backbone_shares.csv", "backbone_shares.json"),
        )
    if len(found.diversity):
        yield _pairs(found.diversity)


def _nested(row: Row) -> str:
    mix = f", study types weighted as in {row['mix']}" if row["mix"] else ""
    return f"{interval(row['nested_low'], row['nested_high'])}; {row['nested_n']:,} studies, {row['folds']} folds{mix}"


def _here(row: Row) -> str:
    if np.isnan(row["kappa"]):
        return ""
    limits = interval(row["low"], row["high"])
    return f"{limits}; apparent, fitted on these" if row["apparent_here"] else limits


def _weights(comparison: Comparison, weights: pd.DataFrame) -> Iterator[Block]:
    if not len(weights):
        return
    learnt = weights[weights["resamples"] > 0]
    plain = [str(name) for name in dict.fromkeys(weights.index) if name not in set(learnt.index)]
    if len(learnt):
        yield Drawing(
            "ensemble-weights",
            weight_grid(learnt, simulated=comparison.simulated),
            "Weights of the backbones in ensembles that learn them, with the intervals recorded by the fit.",
            "One column per ensemble, one row per backbone; the same numbers stand in the table below.",
            reading="Weights of different ensembles are on different scales. An interval over zero: the fit cannot tell "
            "whether the backbone helps; backbones that agree take weight from each other.",
            file="figures/ensemble_weights.svg",
        )
        yield _weight_table(learnt)
    if plain:
        same = "gives" if len(plain) == 1 else "give"
        yield Paragraph(
            f"{', '.join(plain)} {same} every backbone the same weight, which nothing was fitted to.",
            quiet=True,
        )


def _weight_table(weights: pd.DataFrame) -> TableBlock:
    """Backbones as rows, ensembles as columns."""
    cells = {(str(name), str(row["backbone"])): row for name, row in weights.iterrows()}
    backbones = list(dict.fromkeys(map(str, weights["backbone"])))

    def column(ensemble: str) -> Column:
        def text(row: Row) -> str:
            own = cells.get((ensemble, row["backbone"]))
            return "" if own is None else signed(own["weight"])

        def limits(row: Row) -> str:
            own = cells.get((ensemble, row["backbone"]))
            if own is None:
                return ""
            # A weight on its bound in every resample has no spread; limits without width would claim to be sure.
            return (
                signed_interval(own["low"], own["high"]) if own["low"] < own["high"] else "in all resamples"
            )

        return Column(ensemble, text, detail=limits)

    return TableBlock(
        pd.DataFrame({"backbone": backbones}).set_index("backbone"),
        [name_column("Backbone", "backbone"), *map(column, dict.fromkeys(map(str, weights.index)))],
        "Weight or coefficient of every backbone with its interval over resamples of the patients of the fit.",
        ("ensemble_weights.csv", "ensemble_weights.json"),
    )


def _pairs(pairs: pd.DataFrame) -> TableBlock:
    shown = pairs.sort_values("both_wrong", ascending=False, kind="stable").iloc[:_MOST_PAIRS]
    more = (
        f", the {len(shown)} of {len(pairs)} pairs that are wrong together most often"
        if len(shown) < len(pairs)
        else ""
    )
    return TableBlock(
        shown,
        [
            name_column("Backbone", "backbone"),
            text_column("Other", "other"),
            value_column("Same call", "agreement", percent),
            value_column("Both wrong", "both_wrong", percent),
            value_column(
                "Errors go together",
                "phi",
                below="correlation",
                remark="Phi; 0 for independent errors, 1 for the same.",
            ),
        ],
        f"How alike the backbones are on the studies both called{more}: an ensemble gains where errors differ.",
        ("backbone_pairs.csv", "backbone_pairs.json"),
    )


def anatomy_methods(comparison: Comparison, found: AnatomyFrames) -> tuple[str, ...]:
    """How it was computed, ready to paste."""
    text = (
        "Ensembles were fitted before, on other studies unless marked. Their nested kappas are of calls by an ensemble "
        "fitted without the study's patient, all choices of the fit included, the choice of its backbones before it not "
        "(patient-grouped cross-validation; Varma & Simon 2006, "
        "BMC Bioinformatics 7:91); the apparent kappa is of the final ensemble on its own studies."
    )
    if len(found.shares):
        text += (
            " What a backbone adds is its Shapley value (1953) in the kappa of the mean probability at 0.5, with the "
            f"{level_name(comparison.level)} percentile interval over resamples of the patients."
        )
    return (text,)
