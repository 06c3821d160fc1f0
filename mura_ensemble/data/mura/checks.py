"""What can be wrong with a copy of MURA, found and told instead of passed over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from mura_ensemble.data.mura.counts import MURA_COUNTS, MURA_PATIENTS
from mura_ensemble.data.names import STUDY_TYPES

__all__ = [
    "Findings",
    "compare_with_disk",
    "compare_with_published",
    "count",
    "is_hidden",
    "one_label",
    "own_labels",
    "replaced_labels",
    "without_repeats",
]


@dataclass
class Findings:
    """Collects problems (kind, place, detail) and notes while an index is made."""

    problems: list[tuple[str, str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def tell(self, kind: str, places: Iterable[str], detail: str) -> None:
        """Add one problem per place."""
        self.problems.extend((kind, place, detail) for place in places)

    def table(self) -> pd.DataFrame:
        """The problems as a table."""
        return pd.DataFrame(self.problems, columns=["kind", "place", "detail"], dtype="str")


def is_hidden(path: str) -> bool:
    """Whether the file's name begins with a dot, as the `._image1.png` that some archives leave behind."""
    return path.rpartition("/")[2].startswith(".")


def compare_with_disk(listed: pd.Series[str], on_disk: list[str], findings: Findings) -> None:
    """Tell listed views that are not on disk, and files on disk that no list names."""
    there, wanted = set(on_disk), set(listed)
    extra = [path for path in on_disk if path not in wanted]
    hidden = [path for path in extra if is_hidden(path)]
    unlisted = [path for path in extra if not is_hidden(path)]
    findings.tell("missing file", [path for path in listed if path not in there], "listed, but not on disk")
    findings.tell("hidden file", hidden, "left out; such files are no views")
    findings.tell("unlisted file", unlisted, "on disk, but in no list; left out")


def without_repeats(views: pd.DataFrame, findings: Findings) -> pd.DataFrame:
    """Keep the first row of every view."""
    repeated = views.duplicated(["study", "view"])
    findings.tell("listed twice", views.loc[repeated, "path"], "the first row is kept")
    return views[~repeated].reset_index(drop=True)


def one_label(rows: pd.DataFrame, column: str, detail: str, findings: Findings) -> pd.Series[float]:
    """Label by study; NaN, and told, where the rows of one study do not agree."""
    known = rows.dropna(subset=[column]).groupby("study", sort=False)[column].agg(["min", "max"])
    torn = known["min"] != known["max"]
    findings.tell("two labels", known.index[torn], detail)
    return known["min"].astype(np.float64).mask(torn)


def own_labels(views: pd.DataFrame, listed: pd.DataFrame, findings: Findings) -> pd.Series[float]:
    """MURA's own label of every study that has views: the list's, else the folder's, else NaN.

    Parameters
    ----------
    views : DataFrame
        `path_table` of the views.
    listed : DataFrame
        Columns `study`, `split`, `gold` of the lists of labels; no rows if there is none.
    """
    studies = views.drop_duplicates("study").set_index("study")["split"]
    folder = one_label(views, "folder_gold", "the folders say _positive and _negative", findings)
    folder = folder.reindex(studies.index)
    label = one_label(listed, "gold", "listed with 0 and with 1; left without a label", findings)
    findings.tell(
        "study without views",
        label.index.difference(studies.index),
        "labelled, but no view is listed; left out",
    )
    in_list = studies.index.isin(label.index)
    label = label.reindex(studies.index)
    differ = label.notna() & folder.notna() & (label != folder)
    findings.tell("label and folder differ", studies.index[differ], "the list's label is kept")
    forgotten = ~in_list & studies.isin(listed["split"]).to_numpy()
    findings.tell(
        "study without a label",
        studies.index[forgotten],
        "not in the list of labels; the folder's name is used",
    )
    return label.where(in_list, folder)


def replaced_labels(
    gold: pd.Series[float], other: pd.DataFrame, name: str, findings: Findings
) -> pd.Series[float]:
    """Labels with those of another list (columns `study`, `gold`) in place of MURA's, where it has any."""
    label = one_label(other, "gold", f"{name} gives 0 and 1; left without a label", findings)
    known = label.index.isin(gold.index)
    findings.tell("unknown study", label.index[~known], f"in {name}, but not in this copy; passed over")
    label = label[known]
    before = gold.loc[label.index]
    findings.notes.append(
        f"labels of {len(label):,} studies are those of {name}: "
        f"{((before == 0) & (label == 1)).sum():,} became abnormal, {((before == 1) & (label == 0)).sum():,} normal"
    )
    replaced = gold.copy()
    replaced.loc[label.index] = label
    return replaced


def count(views: pd.DataFrame, gold: pd.Series[float], *, published: bool) -> pd.DataFrame:
    """Count studies by label, views and patients per split and study type, beside the published counts.

    Returns
    -------
    DataFrame
        Columns `split`, `study_type` (or `all`), `quantity`, `found`, `expected` (NaN: not published).
    """
    rows: list[tuple[str, str, str, int, float]] = []
    for split, of_split in views.groupby("split", sort=False):
        expected = MURA_COUNTS[str(split)] if published and split != "test" else {}
        for study_type in (*STUDY_TYPES, "all"):
            part = of_split if study_type == "all" else of_split[of_split["study_type"] == study_type]
            label = gold.reindex(part["study"].unique())
            found = {
                "normal": int((label == 0).sum()),
                "abnormal": int((label == 1).sum()),
                "views": len(part),
                "patients": int(part["patient"].nunique()),
            }
            chosen = [expected[study_type]] if study_type in expected else list(expected.values())
            for quantity, n in found.items():
                should = float(sum(getattr(counts, quantity) for counts in chosen)) if expected else np.nan
                if expected and (study_type, quantity) == ("all", "patients"):
                    should = float(MURA_PATIENTS[str(split)])
                rows.append((str(split), study_type, quantity, n, should))
    return pd.DataFrame(rows, columns=["split", "study_type", "quantity", "found", "expected"])


def compare_with_published(counts: pd.DataFrame, findings: Findings) -> None:
    """Tell every count of a study type, and of all patients, that is not the published one."""
    told = (counts["study_type"] != "all") | (counts["quantity"] == "patients")
    other = counts[told & counts["expected"].notna() & (counts["found"] != counts["expected"])]
    for split, study_type, quantity, found, expected in other.to_numpy().tolist():
        what = f"{quantity} studies" if quantity in ("normal", "abnormal") else quantity
        detail = f"{found:,} {what}, MURA v1.1 has {expected:,.0f}"
        findings.tell("other count", [f"{split} {study_type}"], detail)
