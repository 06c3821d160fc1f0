"""What to do about a warning that comes with the calls, and which of them change every number.

Whoever gathers the calls says in a sentence what is wrong with them. The sentence is shown as it stands; here it is
known by the words that say what was found.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["code_of", "patients_known", "remedy", "touches_every_number"]

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
    "one network under": "Keep one of them; an ensemble of several counts it several times.",
    "training patients are scored": "Leave out these patients, or train without them; until then those kappas are too high.",
    "operating point of": "Choose it on other studies, or call above 0.5; its kappa here is too high.",
    "sit in its panel": "Name them with --panel instead of the labels; they are then left out of the comparison.",
}
_CODES = {
    "one network under": "ME020",
    "training patients are scored": "ME021",
    "operating point of": "ME022",
    "sit in its panel": "ME023",
}
_OTHERWISE = "Mend it and compare again, or say so beside every number."


def remedy(sentence: str) -> str:
    """What to do about a warning of the caller; never empty."""
    said = sentence.lower()
    return next((action for words, action in _REMEDIES.items() if words in said), _OTHERWISE)


def code_of(sentence: str) -> str:
    """The code of a warning of the caller: its own if `leakage` found it, else that of all others."""
    said = sentence.lower()
    return next((code for words, code in _CODES.items() if words in said), "ME001")


def touches_every_number(sentence: str) -> bool:
    """Whether a warning inflates or narrows all numbers: studies left out as undecided, patients not known."""
    return any(words in sentence.lower() for words in (_NO_PATIENTS, _NO_GOLD))


def patients_known(warnings: Sequence[str]) -> bool:
    """Whether no warning says that nobody knows whose studies these are."""
    return not any(_NO_PATIENTS in sentence.lower() for sentence in warnings)
