"""An honest board as the sections of a page, in the order in which a reader asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from mura_ensemble.comparison.findings.notice import Notice
from mura_ensemble.data.numbers import estimate, interval, percent
from mura_ensemble.data.words import count
from mura_ensemble.published.board.honest import HonestBoard
from mura_ensemble.report.document.blocks import (
    Block,
    Drawing,
    Notices,
    Page,
    Paragraph,
    Quotation,
    Section,
    TableBlock,
    Verdict,
)
from mura_ensemble.report.document.columns import Column
from mura_ensemble.report.pages.published import figures
from mura_ensemble.report.pages.published.details import (
    compared,
    comparisons_blocks,
    kinds_blocks,
    or_none,
    other_studies_blocks,
    planning_blocks,
    said_about,
    study_types_blocks,
)
from mura_ensemble.report.pages.published.methods import board_methods
from mura_ensemble.report.pages.published.tables import (
    PERCENT,
    leaderboard_columns,
    names_by_label,
    plain_columns,
    row_style,
)
from mura_ensemble.report.pages.published.verdict import board_headline, board_verdict, said_of, span

__all__ = ["board_page"]


def board_page(
    board: HonestBoard, rows: pd.DataFrame, *, title: str, sources: Sequence[str], made_by: str, seed: int
) -> Page:
    """The whole report.

    Parameters
    ----------
    board : HonestBoard
    rows : DataFrame
        Its `board_rows`.
    title : str
    sources : sequence of str
        Where the published numbers come from.
    made_by : str
        Program and version.
    seed : int
    """
    used = rows[rows["comparable"] & (rows["kind"] != "reader")]
    sections = [
        ("verdict", "Verdict", [Verdict(board_headline(board), board_verdict(board))]),
        ("leaderboard", "Leaderboard", _leaderboard(rows)),
        ("forest", "Kappa and its uncertainty", _forest(rows)),
        ("ranks", "Ranks", _ranks(board, rows)),
        (
            "readers",
            f"Operating points{' and readers' if len(board.readers) else ''}",
            _operating_points(board, rows),
        ),
        ("study-types", "Study types", study_types_blocks(board)),
        ("comparisons", "Comparisons", comparisons_blocks(board, rows)),
        ("planning", "Planning: what these studies can show", planning_blocks(board, rows)),
        ("other-studies", "Entries that are not compared", other_studies_blocks(board)),
        ("same-tables", "Entries with the same tables", said_about(board, "same tables")),
        ("ensembles", "Ensembles and single models", kinds_blocks(board)),
        ("methods", "Methods", [Quotation(board_methods(board, seed=seed))]),
        ("assumptions", "Assumptions and what cannot be known", [_assumptions(board)]),
        ("provenance", "Provenance", _provenance(sources, made_by, seed)),
    ]
    finished = [(anchor, name, list(blocks)) for anchor, name, blocks in sections]
    abnormal = f", {board.positives:,} of them abnormal" if board.positives else ""
    return Page(
        title=title,
        subtitle=f"{count(len(used), 'entry', 'entries')} compared on {count(board.n, 'study', 'studies')}{abnormal}",
        sections=[Section(anchor, name, blocks) for anchor, name, blocks in finished if blocks],
        banner=f"{board.label[0].upper()}{board.label[1:]}: no predictions, views or labels were seen.",
        footer=f"{board.label[0].upper()}{board.label[1:]}: {'; '.join(sources)}. {made_by}, seed {seed}.",
    )


def _leaderboard(rows: pd.DataFrame) -> Iterator[Block]:
    who = "Entries and readers" if (rows["kind"] == "reader").any() else "Entries"
    notes = [
        "Rank: one more than the number of entries shown to have a larger kappa, and below it where the true rank may "
        "lie, all entries at once, if the errors of two kappas correlate 0.5.",
        "Published: the rank the board gives, and the limits it gives."
        if rows["published_low"].notna().any()
        else "",
        "No.: the line of the board. Missed: abnormal studies called normal; false: normal ones called abnormal.",
        "" if rows["comparable"].all() else "Entries that are not compared stand last and have no rank.",
    ]
    yield Paragraph(
        " ".join(filter(None, notes)),
        quiet=True,
    )
    yield TableBlock(
        rows,
        leaderboard_columns(rows),
        f"{who} by kappa, with 95{PERCENT} intervals. Entries that cannot be told apart share a rank.",
        ("leaderboard.csv", "leaderboard.json", "leaderboard.tex", "entries.csv"),
        row_style=row_style,
    )


def _forest(rows: pd.DataFrame) -> Iterator[Block]:
    published = bool(rows["published_low"].notna().any())
    first = rows.iloc[0]
    yield Drawing(
        "forest",
        figures.board_forest(rows),
        f"Kappa of every entry with its 95{PERCENT} interval"
        + (", and the limits that were published." if published else "."),
        f"Forest plot of {len(rows)} kappas, from {first['name']} ({estimate(first['kappa'])}, "
        f"{interval(first['low'], first['high'])}) down. The same numbers stand in the leaderboard.",
        reading=(
            "Coloured line: interval; short black bar below it: the limits as published, to the same scale. "
            if published
            else ""
        )
        + "Overlapping intervals do not mean equal: see Comparisons.",
        file="figures/forest.svg",
    )


def _ranks(board: HonestBoard, rows: pd.DataFrame) -> Iterator[Block]:
    yield Paragraph(said_of(board, "first place"))
    names = names_by_label(rows)
    yield TableBlock(
        board.winners,
        [
            *plain_columns(board.winners, {"correlation": ("Error correlation", lambda value: f"{value:g}")}),
            Column("First", lambda row: names[str(row["top"])], align="left", style="name"),
            Column("Kappa", lambda row: estimate(row["kappa"])),
            Column(
                "Shrunk", lambda row: estimate(row["shrunk"]), help="What to expect of it on new studies."
            ),
            Column("Limits after selection", lambda row: interval(row["low"], row["high"])),
            Column("P(truly best)", lambda row: estimate(row["p_best"], 2)),
            Column("May be best", lambda row: f"{row['may_be_best']} of {compared(rows)}"),
        ],
        "What to believe of the first entry, for three correlations of the errors of two kappas.",
        ("winners.csv", "winners.tex", "ranks.csv"),
    )
    yield Drawing(
        "ranks",
        figures.rank_sets(rows, board.ranks),
        f"Where the true rank of every entry may lie (95{PERCENT}, all entries at once).",
        "One bar per entry and error correlation; the same numbers stand in ranks.csv.",
        reading="Long bars are the message: the more errors two entries have in common, the shorter they would be, "
        "and how many they have in common was not published.",
        file="figures/ranks.svg",
    )


def _operating_points(board: HonestBoard, rows: pd.DataFrame) -> Iterator[Block]:
    yield from said_about(board, "operating points")
    if len(board.readers):
        placed = board.readers.reset_index()
        yield TableBlock(
            placed,
            [
                Column("Reader", lambda row: row["reader"], align="left", header=True,
                       detail=lambda row: f"table {row['solution']} of {row['solutions']}" if row["solutions"] > 1 else ""),
                Column("Kappa", lambda row: estimate(row["kappa"]), style="strong",
                       detail=lambda row: interval(row["low"], row["high"])),
                Column("Place among the entries", lambda row: f"{row['place']}", help="1 + entries of larger kappa."),
                Column("Wrong calls", lambda row: f"{row['errors']} of {row['n']}",
                       detail=lambda row: f"{row['fn']} missed, {row['fp']} false"),
                Column("Sensitivity", lambda row: estimate(row["sensitivity"])),
                Column("Specificity", lambda row: estimate(row["specificity"])),
                Column("Entries better in both", lambda row: f"{row['beaten_by']}",
                       help="At least as sensitive and as specific, and better in one of the two."),
                Column("Best specificity at that sensitivity",
                       lambda row: or_none(row["best_specificity"], "none as sensitive")),
                Column("Missed by entries with as many wrong calls",
                       lambda row: span(row["fn_of_those_low"], row["fn_of_those_high"])),
            ],
            "The readers among the entries, at their own operating points.",
            ("readers.csv", "readers_by_type.csv", "readers.tex"),
            row_style=lambda _: "kind-reader",
        )  # fmt: skip
    if len(board.iso_kappa):
        points = "; ".join(
            f"{name} sensitivity {estimate(high, 2)}, specificity {estimate(low, 2)}"
            for name, kind, high, low in zip(
                rows["name"], rows["kind"], rows["sensitivity_high"], rows["specificity_low"], strict=True
            )
            if kind == "reader"
        )
        yield Drawing(
            "operating-points",
            figures.operating_plane(rows, board),
            "Sensitivity and specificity of every entry compared, with lines of equal kappa.",
            f"Operating points. {points}" if points else "Operating points of all entries.",
            reading="Entries on one line have the same kappa at this prevalence "
            f"({percent(board.positives / board.n)}) with different mistakes: further up and right misses fewer "
            "abnormal studies and calls more normal ones abnormal. Two marks joined: the tables between them fit.",
            file="figures/operating_points.svg",
        )  # fmt: skip


def _assumptions(board: HonestBoard) -> Notices:
    rests = [Notice("note", "assumed", sentence, "") for sentence in board.assumptions]
    return Notices([*(Notice("warning", "unknown", sentence, "") for sentence in board.unknown), *rests])


def _provenance(sources: Sequence[str], made_by: str, seed: int) -> Iterator[Block]:
    rows = [*(("published numbers", source) for source in sources), ("made by", made_by), ("seed", str(seed))]
    yield TableBlock(
        pd.DataFrame(rows, columns=["what", "value"]),
        [
            Column("What", lambda row: row["what"], align="left", header=True),
            Column("Value", lambda row: row["value"], align="left", style="long"),
        ],
        "What the numbers were made from. Every figure and table is also a file beside this page.",
        ("board.json",),
    )
