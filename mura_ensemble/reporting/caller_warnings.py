"""What to do about a warning that comes with the calls, and which of them change every number.

Whoever gathers the calls says in a sentence what is wrong with them. The sentence is shown as it stands; here it is
known by the words that say what was found.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["patients_known", "remedy", "touches_every_number"]

_NO_PATIENTS = "patients are not known"
_NO_GOLD = "no decided gold standard"

_REMEDIES = {
    _NO_PATIENTS: "Give a patient for every study; until then read each interval as the narrowest it can be.",
    _NO_GOLD: "Let another reader decide them, and say beside every kappa that they are left out.",
    "one reader": "Take the majority of three or more readers, or call it agreement with that reader.",
    "even number of readers": "Name an odd number of readers for the panel.",
    "role unknown": "Say in the card of the predictions whether the backbone was trained on these studies.",
    "failed views": "Predict the views again, or leave out the studies that lost one.",
    "fitted on": "Score on other studies, or nested or out-of-fold.",
}
_OTHERWISE = "Mend it and compare again, or say so beside every number."


def remedy(sentence: str) -> str:
    """What to do about a warning of the caller; never empty."""
    said = sentence.lower()
    return next((action for words, action in _REMEDIES.items() if words in said), _OTHERWISE)


def touches_every_number(sentence: str) -> bool:
    """Whether a warning inflates or narrows all numbers: studies left out as undecided, patients not known."""
    return any(words in sentence.lower() for words in (_NO_PATIENTS, _NO_GOLD))


def patients_known(warnings: Sequence[str]) -> bool:
    """Whether no warning says that nobody knows whose studies these are."""
    return not any(_NO_PATIENTS in sentence.lower() for sentence in warnings)
