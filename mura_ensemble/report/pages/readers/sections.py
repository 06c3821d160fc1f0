"""The sections of a reader study's page: finished tables and their drawings."""

from __future__ import annotations

import pandas as pd

from mura_ensemble.comparison.reader_study.study import ReaderStudy
from mura_ensemble.data.numbers import (
    estimate,
    interval,
    p_value,
    percent,
    rank_range,
    signed,
    signed_interval,
)
from mura_ensemble.data.words import count
from mura_ensemble.report.document.blocks import Block, Drawing, Paragraph, TableBlock
from mura_ensemble.report.document.columns import Column
from mura_ensemble.report.document.topic_columns import count_column, value_column
from mura_ensemble.report.pages.readers.columns import limits_column, name_column
from mura_ensemble.report.pages.readers.figures import difference_forest, panel_ranges, roc_planes
from mura_ensemble.report.pages.readers.verdict import figure_words

__all__ = [
    "agreement_section",
    "models_section",
    "operating_section",
    "other_section",
    "panels_section",
]

_MOST_LINES = 70
_MOST_CURVES = 4
_MOST_PAIRS = 45


def models_section(study: ReaderStudy, simulated: bool) -> list[Block]:
    """What the models are to the readers."""
    name = figure_words(study)
    columns = [
        name_column("model"),
        limits_column(name, study.figure, "low", "high", "against the gold standard"),
        limits_column(
            "less these readers", "difference", "diff_low", "diff_high", "mean over readers", sign=True
        ),
        value_column(
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
            limits_column(
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
        name_column("model"),
        Column("reader", lambda row: str(row["reader"]), align="left"),
        Column(
            "model less reader",
            lambda row: f"{signed(row['difference'])} ({signed_interval(row['low'], row['high'])})",
        ),
        value_column("p", "p_adjusted", p_value, remark="Max-T over all rows."),
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


def panels_section(study: ReaderStudy, simulated: bool) -> list[Block]:
    """What the choice of a panel does."""
    name = figure_words(study)
    columns = [
        name_column("rater"),
        count_column("panels", "panels", remark="Panels without the rater."),
        Column(
            f"mean {name}",
            lambda row: estimate(row["mean"]),
            detail=lambda row: interval(row["lowest"], row["highest"]),
            below="lowest to highest",
        ),
        Column("rank", lambda row: rank_range(row["best_rank"], row["worst_rank"]), below="best to worst"),
        value_column(
            "median rank", "median_rank", lambda value: "undefined" if pd.isna(value) else f"{value:g}"
        ),
        value_column("ranked first", "first", percent),
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
        name_column("model"),
        Column("reader", lambda row: str(row["reader"]), align="left"),
        count_column("n", "n"),
        Column(
            "reader",
            lambda row: f"{estimate(row['sensitivity'])} / {estimate(row['specificity'])}",
            below="sensitivity / specificity",
        ),
        limits_column(
            "sensitivity", "difference", "low", "high", "model less reader, at his specificity", sign=True
        ),
        value_column(
            "p", "p_adjusted", p_value, remark="Max-T over the readers and both differences of a model."
        ),
        limits_column(
            "specificity",
            "specificity_difference",
            "specificity_low",
            "specificity_high",
            "model less reader, at his sensitivity",
            sign=True,
        ),
        value_column("p", "specificity_p_adjusted", p_value),
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
        name_column("coefficient"),
        limits_column("estimate", "estimate", "low", "high"),
        count_column("n", "n"),
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
            name_column("reader"),
            Column("other", lambda row: str(row["other"]), align="left"),
            count_column("n", "n"),
            value_column("agree", "agreement", percent),
            limits_column("kappa", "kappa", "low", "high"),
        ]
        caption = f"Cohen's kappa of each pair of readers on the studies both read.{more}"
        blocks.append(TableBlock(pairs, columns, caption, files=("pairs.csv", "pairs.json")))
    return blocks


def other_section(study: ReaderStudy) -> list[Block]:
    """The same question without a panel."""
    columns = [
        name_column("model"),
        limits_column(
            "kappa with the group", "kappa_with_group", "group_low", "group_high", "Vanbelle and Albert"
        ),
        Column(
            "readers it may replace",
            lambda row: percent(row["winning_rate"], 0),
            detail=lambda row: f"of {count(row['readers_tested'], 'reader')}",
            below="alternative annotator test",
        ),
        value_column(
            "advantage", "advantage", percent, remark="How often it agrees with the others at least as well."
        ),
    ]
    if "latent_kappa" in study.models:
        columns.append(
            limits_column(
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
