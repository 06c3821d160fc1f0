"""Backbones worth choosing from, with what timm says of them and what a probe found.

`catalogue.csv` names them; `measured.csv` beside it is written by `make catalogue`, which makes every one of
them, so that no number here was typed. Reading both needs no torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pandas as pd

from mura_ensemble.data.files import read_frame, write_frame

__all__ = ["Entry", "catalogue", "entry_called", "measure", "not_for_all_uses", "search_timm"]

_HERE = Path(__file__).parent
_TEXTS = ("timm_name", "group", "called", "note", "weights", "licence")


@dataclass(frozen=True)
class Entry:
    """One architecture.

    Attributes
    ----------
    timm_name : str
    group : str
        `board`: a family on MURA's public leaderboard; `today`: a strong one of today; `timm`: any other.
    called : tuple of str
        Names under which papers and leaderboards speak of it.
    size : int
        Side in pixels nearest to the 320 of MURA's paper that it takes.
    parameters : float
        Millions, with one logit and one channel; NaN if it was not made.
    mean, std : float
        Of gray views, that its weights expect.
    weights : str
        timm's default weights; empty if there are none.
    licence : str
        Of these weights, as timm states it; empty if it states none.
    exact_cam : bool or None
        Whether the class activation map is exact, by `exactness.probe`; None if it was not asked.
    note : str
    """

    timm_name: str
    group: str
    called: tuple[str, ...]
    size: int
    parameters: float
    mean: float
    std: float
    weights: str
    licence: str
    exact_cam: bool | None
    note: str


def catalogue() -> tuple[Entry, ...]:
    """The entries, those of MURA's board first."""
    named = read_frame(_HERE / "catalogue.csv", text_columns=_TEXTS)
    measured = read_frame(_HERE / "measured.csv", text_columns=_TEXTS)
    table = named.merge(measured, on="timm_name", validate="one_to_one")
    return tuple(_entry(row) for row in table.to_dict("records"))


def _entry(row: dict[Any, Any]) -> Entry:
    given: dict[str, Any] = {str(name): "" if pd.isna(value) else value for name, value in row.items()}
    called = tuple(name.strip() for name in given["called"].split(";") if name.strip())
    return Entry(**given | {"called": called, "exact_cam": bool(given["exact_cam"])})


def entry_called(name: str) -> Entry | None:
    """The entry that people mean by a name such as `DenseNet-169`, `ResNet50` or `NASNet-mobile`."""
    wanted = _plain(name)
    for entry in catalogue():
        if wanted in {_plain(other) for other in (entry.timm_name, *entry.called)}:
            return entry
    return None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def not_for_all_uses(licence: str) -> str:
    """What a licence of weights forbids or demands, in a word; empty if it is a common free one or none is stated."""
    if re.search(r"(^|-)nc(-|$)|non-?commercial", licence.lower()):
        return "not for commercial use"
    free = re.match(r"(mit|apache|bsd|cc-by-4|cc-by-sa-4|cc0|$)", licence.lower())
    return "" if free else "terms of its own"


def measure(timm_name: str, size: int) -> dict[str, Any]:
    """Make a backbone with random weights and ask it; needs the `[backbones]` extra.

    Returns
    -------
    dict
        The columns of `measured.csv`.
    """
    import timm
    import torch

    from mura_ensemble.backbones.weights.exactness import probe
    from mura_ensemble.backbones.weights.registry import create_backbone, normalisation

    with torch.random.fork_rng():
        torch.manual_seed(0)  # the same random weights every time, so that the catalogue can be written again
        model = create_backbone(timm_name, channels=1, size=size, arguments={})
    mean, std = normalisation(model, 1)
    config = timm.get_pretrained_cfg(timm_name)
    has_weights = config is not None and config.has_weights
    return {
        "timm_name": timm_name,
        "parameters": round(sum(parameter.numel() for parameter in model.parameters()) / 1e6, 2),
        "mean": mean[0],
        "std": std[0],
        "weights": f"{timm_name}.{config.tag}" if has_weights else "",
        "licence": (config.license or "") if has_weights else "",
        "exact_cam": probe(model, size=size, channels=1).exact,
    }


def search_timm(text: str) -> Iterator[Entry]:
    """Every architecture of timm whose name holds `text`, not made; needs the `[backbones]` extra.

    Parameters
    ----------
    text : str
        Part of a name, or a name of the catalogue as people write it; empty: all.
    """
    import timm

    known = {entry.timm_name: entry for entry in catalogue()}
    meant = entry_called(text) if text else None
    names = timm.list_models()
    found = [name for name in names if text.lower() in name] or get_close_matches(text.lower(), names, n=5)
    for name in dict.fromkeys([*([meant.timm_name] if meant else []), *found]):
        if name in known:
            yield known[name]
            continue
        config = timm.get_pretrained_cfg(name)
        has_weights = config is not None and config.has_weights
        yield Entry(
            timm_name=name,
            group="timm",
            called=(),
            size=config.input_size[-1] if config is not None else 224,
            parameters=float("nan"),
            mean=float("nan"),
            std=float("nan"),
            weights=f"{name}.{config.tag}" if has_weights else "",
            licence=(config.license or "") if has_weights else "",
            exact_cam=None,
            note="",
        )


def _measure_all() -> None:
    """Write `measured.csv`; what `make catalogue` runs."""
    named = read_frame(_HERE / "catalogue.csv", text_columns=_TEXTS)
    rows = [
        measure(str(name), int(size)) for name, size in zip(named["timm_name"], named["size"], strict=True)
    ]
    write_frame(_HERE / "measured.csv", pd.DataFrame(rows))


if __name__ == "__main__":
    _measure_all()
