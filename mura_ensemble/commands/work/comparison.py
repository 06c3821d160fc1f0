"""Compare: from cached predictions, labels and readers to a report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mura_ensemble.comparison.defaults import RESAMPLES
from mura_ensemble.comparison.gather.raters import assemble_raters
from mura_ensemble.comparison.gather.splits import split_covered
from mura_ensemble.comparison.topics.every import compare_assembled
from mura_ensemble.data.tables.contracts import read_labels
from mura_ensemble.data.tables.readers import read_readers
from mura_ensemble.ensembles.pooling.studies import Missing
from mura_ensemble.report.write import write_report

__all__ = ["report_raters"]


def report_raters(
    predictions: Path,
    out: Path,
    *,
    labels: Path | None = None,
    readers: Path | None = None,
    panel: Sequence[str] = (),
    ensembles: Sequence[Path] = (),
    split: str | None = None,
    backbones: Sequence[str] = (),
    title: str | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    missing: Missing = "error",
    allow_fitted: bool = False,
    seed: int = 0,
    reference: str | None = None,
) -> str:
    """Compare every rater with the gold standard and write the report."""
    gold = labels if labels is not None else readers
    if split is None and gold is not None and (labels is None) == bool(panel):
        known = read_labels(gold).index if labels is not None else read_readers(gold).index
        split = split_covered(predictions, None, known, source=gold, backbones=backbones)
    raters = assemble_raters(
        predictions,
        split or "",  # none only without a gold standard, which is refused first
        labels=labels,
        readers=readers,
        panel=panel,
        ensembles=ensembles,
        backbones=backbones,
        missing=missing,
        allow_fitted=allow_fitted,
    )
    comparison = compare_assembled(
        raters,
        title=title or f"{predictions.name}: {split}",
        level=level,
        resamples=resamples,
        seed=seed,
        reference=reference,
    )
    written = write_report(comparison, out)
    page = next(path for path in written if path.suffix == ".html")
    lines = [f"warning: {warning}" for warning in raters.warnings]
    return "\n".join([*lines, f"wrote {page} and {len(written) - 1} files beside it"])
