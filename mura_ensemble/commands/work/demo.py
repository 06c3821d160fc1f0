"""The whole way on a simulated reader study."""

from __future__ import annotations

from pathlib import Path

from mura_ensemble.commands.work.comparison import report_raters
from mura_ensemble.commands.work.ensembles import fit_stack
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.simulation.study import PANEL, simulate_reader_study, write_reader_study
from mura_ensemble.ensembles.store import load_ensemble
from mura_ensemble.ensembles.thresholds import OperatingPointKind

__all__ = ["run_demo"]

DEMO_ENSEMBLES: tuple[tuple[str, str, OperatingPointKind], ...] = (
    ("ensemble_mean", "mean", "half"),
    ("ensemble_weighted", "weighted", "half"),
    ("ensemble_stack", "stack", "half"),
    ("ensemble_stack_per_type", "stack", "per-study-type"),
)


def run_demo(out: Path, *, seed: int = 1) -> str:
    """Simulate a reader study, fit ensembles on its valid split, report on its test split."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file; name a folder for the demo")
    predictions = out / "predictions" / "simulated"
    if out.exists() and any(out.iterdir()) and not predictions.exists():
        raise InputError(f"{out}: holds files that no demo wrote; choose another --out")
    write_reader_study(simulate_reader_study(seed=seed), predictions)
    lines = [f"simulated reader study: {predictions}"]
    ensembles: list[Path] = []
    for name, strategy, threshold in DEMO_ENSEMBLES:
        path = out / f"{name}.json"
        fit_stack(
            predictions,
            predictions / "labels_valid.csv",
            path,
            strategy=strategy,
            threshold=threshold,
            split="valid",
            name=name,
            seed=seed,
        )
        found = load_ensemble(path).evaluation
        ensembles.append(path)
        lines.append(
            f"  {name:<24} nested kappa {found.nested:.3f} ({found.low:.3f} to {found.high:.3f}) on valid, "
            f"n = {found.n:,}; apparent {found.apparent:.3f}"
        )
    lines.append(
        report_raters(
            predictions,
            out / "report",
            readers=predictions / "readers_test.csv",
            panel=PANEL,
            ensembles=ensembles,
            split="test",
            title="Simulated reader study with MURA's shape",
            seed=seed,
        )
    )
    return "\n".join(lines)
