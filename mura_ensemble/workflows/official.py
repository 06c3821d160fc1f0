"""MURA's own protocol: evaluate a list of study calls."""

from __future__ import annotations

from pathlib import Path

from mura_ensemble.data.files import write_json
from mura_ensemble.reporting.evaluate import Protocol, evaluate

__all__ = ["evaluate_calls"]


def evaluate_calls(gold: Path, predictions: Path, *, protocol: Protocol, out: Path | None = None) -> str:
    """Evaluate a header-less list of study calls; the table as text, and as JSON where asked for."""
    found = evaluate(gold, predictions, protocol=protocol)
    if out is not None:
        write_json(out, found.record())
    limits = "legacy limits" if protocol == "official" else "95 % interval"
    lines = [f"{'study type':<10} {'n':>6} {'abnormal':>8}  {'kappa':>6}  {limits}"]
    for name, row in found.table.iterrows():
        kappa = (
            "undefined"
            if row["kappa"] != row["kappa"]
            else f"{row['kappa']:>6.3f}  {row['low']:.3f} to {row['high']:.3f}"
        )
        lines.append(f"{name:<10} {row['n']:>6,} {row['abnormal']:>8,}  {kappa}")
    return "\n".join([*lines, *found.notes, *([f"wrote {out}"] if out else [])])
