"""The methods text of an honest board, made from what was really done, ready to paste."""

from __future__ import annotations

from mura_ensemble.data.words import name_list
from mura_ensemble.published.board.honest import HonestBoard
from mura_ensemble.published.board.inference import CORRELATIONS

__all__ = ["board_methods"]


def board_methods(board: HonestBoard, *, seed: int) -> tuple[str, ...]:
    """Paragraphs of plain text with formulas and sources."""
    return (
        _tables(board),
        _intervals(),
        _comparisons(board),
        _ranks(seed),
        *([_readers()] if len(board.readers) else []),
        _planning(),
    )


def _tables(board: HonestBoard) -> str:
    kappa = (
        "All numbers are inferred from published results. Cohen's kappa (1960, Educ Psychol Meas 20:37) is kappa "
        "= (p_o - p_e) / (1 - p_e), with p_o = (TP + TN) / n and p_e the agreement expected from both margins. "
    )
    classes = [text for text in board.assumptions if text.startswith(("Which class", "The rarer class"))]
    if "published_low" in board.entries and board.entries["published_low"].notna().any():
        return kappa + (
            "The published limits are kappa +- 1.96 v with v = p_o (1 - p_o) / (n (1 - p_e)^2): the variance of "
            "kappa with p_e taken as fixed, where its square root belongs. They are therefore no confidence "
            "limits, but they can be inverted: with q = v / (1 - kappa)^2 it follows that p_o = n q / (1 + n q) "
            "and p_e = (p_o - kappa) / (1 - kappa), and with P abnormal studies the number called abnormal is m = "
            "(p_e n^2 - n (n - P)) / (2 P - n) and TP = (n p_o - n + P + m) / 2. n and P of every study type are "
            "those that give whole numbers for the entries jointly; where P = n / 2, p_e does not depend on m and "
            "the table follows from the sum over study types. A table counts as recovered only if it gives the "
            "published kappa and both limits of every study type and overall to 1e-9. " + " ".join(classes)
        )
    if "tables" in board.entries:
        return kappa + (
            f"For every published kappa all 2x2 tables of {board.n:,} studies that round to it were listed, as in "
            "the GRIM test (Brown & Heathers 2017, Soc Psychol Personal Sci 8:363); only class counts were kept "
            "that explain the most entries at once. Every number is a range over these tables."
        )
    return kappa + (
        "With the published number of digits each kappa has exactly one 2x2 table, found by listing all tables of "
        f"{board.n:,} studies. " + " ".join(classes)
    )


def _intervals() -> str:
    return (
        "Intervals of kappa are 95 % and treat studies as independent: the bias-corrected and accelerated "
        "bootstrap (Efron 1987, J Am Stat Assoc 82:171), enumerated exactly over all tables that a resample can "
        "give, so without random numbers; where studies are too few for it, as within a study type, the "
        "large-sample interval (Fleiss, Cohen & Everitt 1969, Psychol Bull 72:323) after adding one study to each "
        "cell. Where several tables are possible the interval is the union over them."
    )


def _comparisons(board: HonestBoard) -> str:
    within = " within every study type" if len(board.study_types) else ""
    return (
        "How the errors of two entries overlap was not published. Every comparison was therefore made for every "
        f"overlap that the two tables allow{within}, and smallest and largest results are given: of the exact "
        "McNemar test (1947, Psychometrika 12:153; two-sided, on the b + c studies that exactly one of the two "
        "called rightly), of its mid-p version, and of P(better), the probability of truly fewer wrong calls "
        "under a uniform prior of the share b / (b + c). A pair is called separated only if p < 0.05 at every "
        "overlap, and not separated only if p >= 0.05 at every overlap. These p values are not corrected for the "
        "number of entries."
    )


def _ranks(seed: int) -> str:
    correlations = name_list([f"{value:g}" for value in CORRELATIONS])
    return (
        "Ranks, shrinkage and P(best) need the correlation of the errors of two kappas; they are given for "
        f"{correlations}. Rank sets hold for all entries at once (95 %; step-wise max-T over all pairs; Mogstad, "
        "Romano, Shaikh & Wilhelm 2024, Rev Econ Stud 91:476). The shared rank is one more than the number of "
        "entries shown to have a larger kappa. The top kappa is shrunk by empirical Bayes, kappa_i ~ N(mu, "
        "tau^2), with weight tau^2 / (tau^2 + se^2 (1 - r)); its limits after selection allow for its having come "
        "first (locally simultaneous inference, Zrnic & Fithian, arXiv 2212.09009). P(best) comes from 20,000 "
        f"draws of that posterior. Seed {seed}; nothing else is random."
    )


def _readers() -> str:
    return (
        "The readers' published kappas and limits have three decimals; all sets of tables of the shared studies "
        "that print the same were listed, and where more than one is left every statement is made over all of "
        "them. Lines of equal kappa in the plane of sensitivity and specificity are straight and hold for the "
        "prevalence of these studies only."
    )


def _planning() -> str:
    return (
        "Detectable differences and numbers of studies are for McNemar's test, two-sided 5 %, power 80 % (Connor "
        "1987, Biometrics 43:207): n = (z_a sqrt(psi) + z_b sqrt(psi - d^2))^2 / d^2, with psi the share of "
        "studies that exactly one of the two calls rightly and d the difference of the shares of right calls; a "
        "difference of kappa is d / (2 pi (1 - pi)) at prevalence pi, for raters without bias."
    )
