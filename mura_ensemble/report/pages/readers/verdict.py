"""What a reader study found, in sentences; nothing is claimed that the adjusted tests do not support."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from mura_ensemble.comparison.measures.claims import error_rate
from mura_ensemble.comparison.measures.ranks import ENOUGH_PATIENTS
from mura_ensemble.comparison.reader_study.study import ReaderStudy
from mura_ensemble.data.numbers import estimate, interval, signed, signed_interval
from mura_ensemble.data.words import count, name_list

__all__ = ["figure_words", "model_claims", "reader_headline", "reader_items", "size_words"]

_MOST_MODELS = 4


def figure_words(study: ReaderStudy) -> str:
    """Name of the figure of merit for people."""
    return study.figure.replace("_", " ")


def size_words(study: ReaderStudy) -> str:
    """`6 readers, 2 models, 207 studies of 206 patients`."""
    return (
        f"{count(len(study.readers), 'reader')}, {count(len(study.models), 'model')}, "
        f"{count(study.studies, 'study', 'studies')} of {count(study.patients, 'patient')}"
    )


def model_claims(study: ReaderStudy) -> pd.Series[str]:
    """`better`, `worse`, `noninferior` or `open` per model.

    Better and worse need two adjusted tests and their intervals: against these readers (max-T over the models) and
    against the readers they stand for (Obuchowski-Rockette-Hillis, Holm over the models). With one reader outside
    the panel nothing is claimed, nor of models that were fitted on these studies, nor below 100 patients: there both
    tests err too often (models exchangeable with six readers, kappa over 20 panels, 500 runs each: some claim in 8 %
    of studies of 40 patients, 6 % of 100, 5 % of 207 and of 600).
    """
    claims = pd.Series("open", index=study.models.index, dtype="object")
    if "population_low" not in study.models or study.patients < ENOUGH_PATIENTS:
        return claims
    board, alpha = study.models, error_rate(study.level)
    sure = (board["p_adjusted"] < alpha) & (board["population_p_adjusted"] < alpha)
    claims[board["noninferior"]] = "noninferior"
    claims[sure & (board["diff_low"] > 0) & (board["population_low"] > 0)] = "better"
    claims[sure & (board["diff_high"] < 0) & (board["population_high"] < 0)] = "worse"
    claims[claims.index.isin(study.apparent)] = "open"
    return claims


def reader_headline(study: ReaderStudy) -> str:
    """The one sentence to take home."""
    top = study.agreement.iloc[0]
    if study.models.empty:
        if pd.isna(top["estimate"]):
            return "The readers' agreement is undefined: all their reads say the same, or no study was read twice."
        return (
            f"{count(len(study.readers), 'reader')} agree with each other with a Fleiss' kappa of "
            f"{estimate(top['estimate'])} ({_level(study)} interval {interval(top['low'], top['high'])})."
        )
    claims = model_claims(study)
    within = f"within {study.margin:g} of {figure_words(study)}"
    names = {
        claim: list(map(str, claims.index[claims == claim])) for claim in ("better", "noninferior", "worse")
    }
    if names["better"]:
        who, one = name_list(names["better"], most=3), len(names["better"]) == 1
        if study.figure == "kappa":
            verb = "agrees" if one else "agree"
            return f"{who} {verb} with the gold standard better than readers like these."
        return f"{who} {'has' if one else 'have'} a higher {figure_words(study)} than readers like these."
    if names["noninferior"]:
        verb = "is" if len(names["noninferior"]) == 1 else "are"
        return (
            f"{name_list(names['noninferior'], most=3)} {verb} not inferior to readers like these, {within}."
        )
    whose = "The model is not" if len(claims) == 1 else "No model is"
    if study.models["difference"].isna().all():
        return f"Nothing can be compared: the {figure_words(study)} is undefined for the readers or for every model."
    if study.patients < ENOUGH_PATIENTS:
        return f"{count(study.patients, 'patient')} are too few to say whether a model is as good as readers like these."
    if int(study.models["readers"].max()) < 2:
        return f"{whose} shown to be as good as readers in general: fewer than two readers are left to compare with."
    less = len(names["worse"])
    worse = "it is" if len(claims) == 1 else count(less, "is", "are")
    tail = f"; {worse} shown to be worse" if less else ", nor to be worse"
    return f"{whose} shown to be as good as readers like these, {within}{tail}."


def reader_items(study: ReaderStudy) -> list[tuple[str, str]]:
    """What backs the headline: (lead, sentence) pairs."""
    items = [("Gold standard", _gold(study))]
    warned = [item for item in study.checks if item.level == "warning"]
    if warned:
        grave = [
            item.sentence for item in warned if item.code in ("ME014", "ME015", "ME019", "ME102", "ME104")
        ]
        items.append(
            (
                "Before you quote it",
                " ".join([*grave, f"Read the {count(len(warned), 'warning')} under Checks."]),
            )
        )
    items += _readers(study)
    items += _models(study)
    if study.figure == "kappa":
        items.append(
            ("Kappa in a word", "Agreement beyond what chance would give: 1 is perfect, 0 is chance.")
        )
    return items


def _models(study: ReaderStudy) -> list[tuple[str, str]]:
    if study.models.empty:
        return []
    shown = study.models.sort_values("difference", ascending=False, kind="stable")
    claims, items = model_claims(study), []
    for row in shown.iloc[:_MOST_MODELS].reset_index().to_dict("records"):
        name = str(row["model"])
        items.append((name, _model(study, {str(key): value for key, value in row.items()}, claims[name])))
    if len(shown) > _MOST_MODELS:
        items.append(("Other models", f"{len(shown) - _MOST_MODELS} more stand in the table below."))
    return items


def _gold(study: ReaderStudy) -> str:
    whole = f"{_capital(study.design)}; {size_words(study)}."
    tail = {
        "every": " A reader is judged only by the panels he does not sit in, and a model beside him by the same.",
        "random": " A reader is never on the panel that judges him.",
        "others": " A reader's own vote never counts for him.",
    }
    return whole + tail.get(study.kind, "")


def _readers(study: ReaderStudy) -> list[tuple[str, str]]:
    top = study.agreement.iloc[0]
    agree = f"Fleiss' kappa {estimate(top['estimate'])} ({interval(top['low'], top['high'])}, n = {top['n']:,.0f})"
    values = study.readers[study.figure].dropna()
    if len(values):
        low, high = str(values.idxmin()), str(values.idxmax())
        agree += f"; against the gold standard their {figure_words(study)} runs from {estimate(values[low])} ({low}) "
        agree += f"to {estimate(values[high])} ({high})"
    items = [("The readers among themselves", f"{agree}.")]
    worth = study.readers["bias"].dropna()
    if len(worth):
        items.append(
            (
                "A seat in the panel",
                f"A reader's own vote moves his {figure_words(study)} by {signed(worth.min())} to {signed(worth.max())}; "
                "such numbers are compared with nobody.",
            )
        )
    return items


def _model(study: ReaderStudy, row: dict[str, Any], claim: str) -> str:
    who = "the reader outside" if row["readers"] == 1 else f"these {row['readers']} readers on average"
    if np.isnan(row["difference"]):
        return f"The {figure_words(study)} cannot be compared with that of any reader."
    text = (
        f"{figure_words(study)} {estimate(row[study.figure])} ({interval(row['low'], row['high'])}); "
        f"{signed(row['difference'])} ({signed_interval(row['diff_low'], row['diff_high'])}) against {who}"
    )
    if row["model"] in study.apparent:
        return f"{_capital(text)}: fitted on these studies, so nothing is claimed."
    text += {"better": ": better.", "worse": ": worse."}.get(claim, ": not shown to differ.")
    if not pd.isna(row.get("population_low", np.nan)):
        word = "is not inferior" if row["noninferior"] else "is not shown to be non-inferior"
        text += (
            f" Against readers in general it {word} by a margin of {study.margin:g} "
            f"({signed_interval(row['population_low'], row['population_high'])})."
        )
    if isinstance(row.get("best_reader"), str):
        text += (
            f" Against the best reader ({row['best_reader']}), taken as a maximum: {signed(row['best_difference'])} "
            f"({signed_interval(row['best_low'], row['best_high'])})."
        )
    return _capital(text)


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _level(study: ReaderStudy) -> str:
    return f"{100 * study.level:g}\N{NO-BREAK SPACE}%"
