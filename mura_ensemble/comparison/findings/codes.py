"""The codes of the checks: what each means and what to do. A code never changes its meaning; new ones go to the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["CODES", "READER_CODES", "Code"]


@dataclass(frozen=True)
class Code:
    """What a code stands for.

    Attributes
    ----------
    level : str
        `warning`: some number must not be quoted as it stands; `note`: something to know when reading.
    meaning, action : str
        In general; the sentence in a report names raters and numbers.
    """

    level: Literal["warning", "note"]
    meaning: str
    action: str


CODES: dict[str, Code] = {
    "ME001": Code(
        "warning",
        "said by whoever gathered the calls: patients not known, no decided gold standard, failed views, ...",
        "what stands beside it; otherwise say it beside every number",
    ),
    "ME002": Code(
        "warning",
        "readers who sit in the gold panel were passed in",
        "nothing: they are left out of every comparison",
    ),
    "ME003": Code(
        "note",
        "study types too small for large-sample intervals",
        "do not rank raters within them",
    ),
    "ME004": Code(
        "warning",
        "raters called different studies",
        "complete the calls, or drop the studies that not all called",
    ),
    "ME005": Code("warning", "two raters make the same calls", "drop one unless both are meant"),
    "ME006": Code(
        "warning",
        "a kappa is undefined",
        "give the rater studies of both classes, or leave it out",
    ),
    "ME007": Code(
        "warning",
        "a rater calls every study alike, all abnormal or all normal",
        "check its operating point, and that its probabilities were not swapped",
    ),
    "ME008": Code(
        "note",
        "resamples in which a rater has no kappa",
        "with many of them, do not quote shares of resamples",
    ),
    "ME009": Code(
        "note",
        "the reference was chosen on the studies it is scored on",
        "name the reference beforehand where you can",
    ),
    "ME010": Code(
        "note",
        "patients with several studies",
        "nothing: everything is resampled and tested by patient",
    ),
    "ME011": Code("warning", "the data are simulated", "learn the report from them, not radiology"),
    "ME012": Code(
        "warning",
        "a study type whose gold standard has one class",
        "read sensitivity or specificity there, not kappa",
    ),
    "ME013": Code(
        "note",
        "the adjusted test and the interval of a difference disagree",
        "claim no difference; more studies would settle it",
    ),
    "ME014": Code(
        "warning",
        "the whole comparison rests on few studies, or few of one class",
        "collect more before you rank",
    ),
    "ME015": Code(
        "warning",
        "a rater was trained, fitted or tuned on studies that score it, or on other studies of their patients",
        "score it on other studies, or nested or out-of-fold",
    ),
    "ME016": Code(
        "note",
        "too few patients for the bootstrap alone to tell raters apart",
        "read the ranges of ranks, which rest on the permutation test, not shares of resamples",
    ),
    "ME017": Code("warning", "too few resamples for ranks", "use 1,000 resamples or more"),
    "ME018": Code(
        "warning",
        "no ranks: no resample gives every ranked rater a kappa",
        "complete the calls, leave out the rater with the fewest, or collect more studies",
    ),
    "ME019": Code(
        "warning",
        "a rater calls every study as the gold standard does",
        "check that its calls are not the gold standard and that it never saw the labels",
    ),
    "ME020": Code(
        "warning",
        "one network under two names: identical probabilities, or the same weights",
        "drop one; an ensemble of both counts it twice",
    ),
    "ME021": Code(
        "warning",
        "patients that score a backbone are also in a split it was trained on",
        "leave out these patients, or train without them",
    ),
    "ME022": Code(
        "warning",
        "an operating point was chosen on studies that score it",
        "choose it on other studies, or call above 0.5",
    ),
    "ME023": Code(
        "warning",
        "the labels are the majority of readers who are compared, so these sit in an unnamed panel",
        "name them with --panel, and they are left out",
    ),
    "ME024": Code(
        "note",
        "probabilities that are off by more than 0.05 on average, chance allowed for",
        "use calls and order; calibrate on other studies before a probability is read as one",
    ),
    "ME025": Code(
        "warning",
        "an ensemble learnt where the share of abnormal studies differs by more than 0.1",
        "fit it on studies like those to be called",
    ),
    "ME026": Code(
        "note",
        "an ensemble is scored on studies it was fitted on, and has a nested kappa",
        "quote the nested kappa, or score it on other studies",
    ),
    "ME027": Code(
        "note",
        "kappas within study types are described; no difference between raters is tested or claimed there",
        "compare two raters within one type only if both and the type were named beforehand",
    ),
}

READER_CODES: dict[str, Code] = {
    "ME101": Code(
        "note",
        "few of all reads were made, so panels were drawn within each study",
        "compare only figures of one design",
    ),
    "ME102": Code(
        "warning",
        "studies or reads without a decided gold standard",
        "adjudicate them (--adjudication) or state a rule for ties (--ties)",
    ),
    "ME103": Code("note", "readers with few reads", "do not read a rank from their rows"),
    "ME104": Code(
        "warning",
        "a reader without a read, or studies that nobody read",
        "check the study keys, and how reads are written (--map)",
    ),
    "ME105": Code(
        "note", "the margin was not declared, the default was taken", "declare it beforehand (--margin)"
    ),
    "ME106": Code(
        "note",
        "reads that stood several times in the file",
        "nothing where they agree; look at those that contradict each other",
    ),
    "ME107": Code(
        "note",
        "readers of the file may have had a part in its gold standard",
        "name them with --made-by, and they are left out",
    ),
}
"""Further codes of a reader study (`mura-ensemble readers`)."""
