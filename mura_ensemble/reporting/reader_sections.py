"""The sections of a reader study's page: finished tables and their drawings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from mura_ensemble.reporting.formats import (
    count,
    estimate,
    interval,
    p_value,
    percent,
    rank_range,
    signed,
    signed_interval,
)
from mura_ensemble.reporting.page import Block, Drawing, Paragraph, TableBlock
from mura_ensemble.reporting.reader_figures import difference_forest, panel_ranges, roc_planes
from mura_ensemble.reporting.reader_words import figure_words
from mura_ensemble.reporting.readers import ReaderStudy
from mura_ensemble.reporting.tables import Column, Row

__all__ = [
    "agreement_section",
    "models_section",
    "operating_section",
    "other_section",
    "panels_section",
    "readers_section",
]

_MOST_LINES = 70
_MOST_CURVES = 4
_MOST_PAIRS = 45


def models_section(study: ReaderStudy, simulated: bool) -> list[Block]:
    """What the models are to the readers."""
    name = figure_words(study)
    columns = [
        _name("model"),
        _with_limits(name, study.figure, "low", "high", "against the gold standard"),
        _with_limits(
            "less these readers", "difference", "diff_low", "diff_high", "mean over readers", sign=True
        ),
        _plain(
            "p", "p_adjusted", p_value, remark="Of no difference to these readers; max-T over the models."
        ),
    ]
    if "population_low" in study.models:
        columns += [
            Column(
                "readers in general",
                lambda row: signed_interval(row["population_low"], row["population_high"]),
                below="interval of the same difference",
                help="Readers as a random sample: Obuchowski-Rockette-Hillis.",
            ),
            Column(
                f"not inferior by {study.margin:g}",
                lambda row: "yes" if row["noninferior"] else "not shown",
                detail=lambda row: f"p {p_value(row['p_noninferior_adjusted'])}",
                help="One-sided, Holm over the models; the interval for these readers must agree.",
            ),
        ]
    if "best_reader" in study.models:
        columns += [
            _with_limits(
                "less the best reader", "best_difference", "best_low", "best_high", "a maximum", sign=True
            ),
        ]
    blocks: list[Block] = [
        TableBlock(
            study.models,
            columns,
            "Each model against the readers.",
            files=("models.csv", "models.json", "models.tex"),
        )
    ]
    contrasts = study.contrasts
    few = len(study.models) + len(contrasts) <= _MOST_LINES
    shown = contrasts if few else contrasts.iloc[:0]
    drawing = difference_forest(study.models, shown, study.figure, study.margin, simulated=simulated)
    blocks.append(
        Drawing(
            "differences",
            drawing,
            "Each model less the readers.",
            "Forest of the differences of each model to the readers with intervals; the table below has the same "
            "numbers.",
            "Right of the line the model agrees better with the gold standard. Not inferior: the whole interval lies "
            "right of the dashed margin."
            + ("" if few else " With so many models only the mean over the readers is drawn."),
            "figures/differences.svg",
        )
    )
    columns = [
        _name("model"),
        Column("reader", lambda row: str(row["reader"]), align="left"),
        Column(
            "model less reader",
            lambda row: f"{signed(row['difference'])} ({signed_interval(row['low'], row['high'])})",
        ),
        _plain("p", "p_adjusted", p_value, remark="Max-T over all rows."),
    ]
    blocks.append(
        TableBlock(
            contrasts,
            columns,
            "Each model against each reader, over the panels without him and the studies both called.",
            files=("contrasts.csv", "contrasts.json", "contrasts.tex"),
        )
    )
    return blocks


def readers_section(study: ReaderStudy) -> list[Block]:
    """Every reader by all that judges him."""
    columns = [
        _name("reader"),
        _plain("reads", "reads", lambda value: f"{value:,.0f}"),
        Column("abnormal", lambda row: percent(row["abnormal_share"])),
        Column(
            figure_words(study),
            lambda row: "in panel" if row["in_panel"] else estimate(row[study.figure]),
            below="outside his panels",
            detail=lambda row: "" if row["in_panel"] else interval(row["low"], row["high"]),
        ),
    ]
    if study.readers["bias"].notna().any():
        columns.append(_with_limits("his seat adds", "bias", "bias_low", "bias_high", sign=True))
    columns.append(
        _with_limits(
            "kappa with the group", "kappa_with_group", "group_low", "group_high", "Vanbelle and Albert"
        )
    )
    if "latent_sensitivity" in study.readers:
        columns += [
            _with_limits(f"latent {part}", f"latent_{part}", f"latent_{part}_low", f"latent_{part}_high")
            for part in ("sensitivity", "specificity")
        ]
    return [
        TableBlock(
            study.readers,
            columns,
            "Each reader: judged by panels without him, by the group of the others, and by a latent gold standard.",
            files=("readers.csv", "readers.json", "readers.tex"),
        )
    ]


def panels_section(study: ReaderStudy, simulated: bool) -> list[Block]:
    """What the choice of a panel does."""
    name = figure_words(study)
    columns = [
        _name("rater"),
        _plain("panels", "panels", lambda value: f"{value:,.0f}", remark="Panels without the rater."),
        Column(
            f"mean {name}",
            lambda row: estimate(row["mean"]),
            detail=lambda row: interval(row["lowest"], row["highest"]),
            below="lowest to highest",
        ),
        Column("rank", lambda row: rank_range(row["best_rank"], row["worst_rank"]), below="best to worst"),
        _plain("median rank", "median_rank", lambda value: "undefined" if pd.isna(value) else f"{value:g}"),
        _plain("ranked first", "first", percent),
    ]
    return [
        Drawing(
            "panels",
            panel_ranges(study.ranges, study.panels, study.figure, simulated=simulated),
            f"The {name} of every rater against every panel, and the ranks it takes.",
            "One row per rater: a tick for each panel, the mean, and the range of ranks; the table below has the same "
            "numbers.",
            ("The gold standard above is one of these. " if study.kind == "panel" else "")
            + "The spread is what the choice of a panel alone does: studies and raters are the same in each.",
            "figures/panels.svg",
        ),
        TableBlock(
            study.ranges,
            columns,
            "Ranges over the panels that a rater does not sit in; ranks are among all raters outside. These are "
            "not intervals: the studies are the same.",
            files=("panel_ranges.csv", "panel_ranges.json", "panels.csv", "panels.json"),
        ),
    ]


def operating_section(study: ReaderStudy, simulated: bool) -> list[Block]:
    """Each model at each reader's operating point."""
    order = list(map(str, study.areas.sort_values("auroc", ascending=False, kind="stable").index))
    order = [model for model in order if model in study.operating.index][:_MOST_CURVES]
    more = "" if len(order) == len(study.areas) else " The models with the largest areas are drawn."
    columns = [
        _name("model"),
        Column("reader", lambda row: str(row["reader"]), align="left"),
        _plain("n", "n", lambda value: f"{value:,.0f}"),
        Column(
            "reader",
            lambda row: f"{estimate(row['sensitivity'])} / {estimate(row['specificity'])}",
            below="sensitivity / specificity",
        ),
        _with_limits(
            "sensitivity", "difference", "low", "high", "model less reader, at his specificity", sign=True
        ),
        _plain("p", "p_adjusted", p_value, remark="Max-T over the readers and both differences of a model."),
        _with_limits(
            "specificity",
            "specificity_difference",
            "specificity_low",
            "specificity_high",
            "model less reader, at his sensitivity",
            sign=True,
        ),
        _plain("p", "specificity_p_adjusted", p_value),
    ]
    return [
        Drawing(
            "roc",
            roc_planes(study.curves, study.areas, study.operating, order, simulated=simulated),
            "ROC curve of the model and the point of each reader.",
            "One square per model: its ROC curve and the readers as points; the table below compares them.",
            "A point below the curve proves nothing by itself: the table gives the difference with its interval."
            + more,
            "figures/roc.svg",
        ),
        TableBlock(
            study.operating,
            columns,
            "The model at each reader's own operating point, the threshold found anew in every resample.",
            files=(
                "operating_points.csv",
                "operating_points.json",
                "roc_curves.csv",
                "roc_areas.csv",
                "roc_areas.json",
            ),
        ),
    ]


def agreement_section(study: ReaderStudy) -> list[Block]:
    """How well the readers agree, all and in pairs."""
    columns = [
        _name("coefficient"),
        _with_limits("estimate", "estimate", "low", "high"),
        _plain("n", "n", lambda value: f"{value:,.0f}"),
    ]
    blocks: list[Block] = [
        TableBlock(
            study.agreement,
            columns,
            "Agreement of all readers, standard errors between patients, not under chance.",
            files=("agreement.csv", "agreement.json", "agreement.tex"),
        )
    ]
    pairs = study.pairs.sort_values("n", ascending=False, kind="stable").iloc[:_MOST_PAIRS]
    more = (
        ""
        if len(pairs) == len(study.pairs)
        else f" The {len(pairs)} pairs with most studies of {len(study.pairs)}."
    )
    if len(pairs):
        columns = [
            _name("reader"),
            Column("other", lambda row: str(row["other"]), align="left"),
            _plain("n", "n", lambda value: f"{value:,.0f}"),
            _plain("agree", "agreement", percent),
            _with_limits("kappa", "kappa", "low", "high"),
        ]
        caption = f"Cohen's kappa of each pair of readers on the studies both read.{more}"
        blocks.append(TableBlock(pairs, columns, caption, files=("pairs.csv", "pairs.json")))
    return blocks


def other_section(study: ReaderStudy) -> list[Block]:
    """The same question without a panel."""
    columns = [
        _name("model"),
        _with_limits(
            "kappa with the group", "kappa_with_group", "group_low", "group_high", "Vanbelle and Albert"
        ),
        Column(
            "readers it may replace",
            lambda row: percent(row["winning_rate"], 0),
            detail=lambda row: f"of {count(row['readers_tested'], 'reader')}",
            below="alternative annotator test",
        ),
        _plain(
            "advantage", "advantage", percent, remark="How often it agrees with the others at least as well."
        ),
    ]
    if "latent_kappa" in study.models:
        columns.append(
            _with_limits(
                "latent kappa", "latent_kappa", "latent_kappa_low", "latent_kappa_high", "Dawid and Skene"
            )
        )
    return [
        TableBlock(
            study.models,
            columns,
            "The same question without a panel: the group of readers, the readers left out in turn, a latent truth.",
            files=("models.csv", "alternative.csv", "alternative.json"),
        ),
        Paragraph(
            f"Alternative annotator test: a reader may be replaced where he does better than the model on at most "
            f"{100 * study.epsilon:g} % more of the studies than the other way round (Benjamini-Yekutieli over the "
            "readers of a model; the authors ask for half of the readers). That is a wide allowance, and it is not "
            "corrected for chance: read it beside kappa, not instead.",
            quiet=True,
        ),
    ]


def _name(column: str) -> Column:
    return Column(column, lambda row: str(row[column]), align="left", header=True)


def _plain(heading: str, column: str, form: Callable[[Any], str], *, remark: str = "") -> Column:
    return Column(heading, lambda row: form(row[column]), help=remark)


def _with_limits(
    heading: str, column: str, low: str, high: str, below: str = "", *, sign: bool = False
) -> Column:
    value, limits = (signed, signed_interval) if sign else (estimate, interval)

    def detail(row: Row) -> str:
        return limits(row[low], row[high])

    return Column(heading, lambda row: value(row[column]), below=below, detail=detail)
