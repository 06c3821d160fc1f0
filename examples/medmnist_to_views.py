"""Write a MedMNIST-style .npz as view files with a manifest and labels.

    python examples/medmnist_to_views.py pneumoniamnist.npz FOLDER --study-type chest

The .npz holds `train_images`, `train_labels`, `val_images`, ... with labels 0 (normal) and 1 (abnormal).
MedMNIST names no patients, so every view becomes a study of a patient of its own: folds and intervals
then treat studies as independent, which the data cannot confirm.

FOLDER receives `views/<split>/<number>.png`, `manifest.csv` (study, view, patient, study_type, split, path)
and `labels.csv` (study, gold).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.files import write_frame

SPLITS = ("train", "val", "test")


def write_views(source: Path, folder: Path, study_type: str) -> pd.DataFrame:
    """Write PNG files, `manifest.csv` and `labels.csv`; return both tables as one."""
    rows = []
    with np.load(source) as arrays:
        for split in SPLITS:
            (folder / "views" / split).mkdir(parents=True, exist_ok=True)
            labels = arrays[f"{split}_labels"].ravel()
            if not np.isin(labels, (0, 1)).all():
                raise InputError(
                    f"{source}: {split}_labels has other values than 0 and 1; only two-class sets fit"
                )
            for number, (values, gold) in enumerate(zip(arrays[f"{split}_images"], labels, strict=True)):
                path = f"views/{split}/{number:05d}.png"
                Image.fromarray(values).save(folder / path)
                study = f"{split}/{number:05d}"
                rows.append(
                    (study, f"{study}.png", f"{split}-{number:05d}", study_type, split, path, int(gold))
                )
    table = pd.DataFrame(rows, columns=["study", "view", "patient", "study_type", "split", "path", "gold"])
    write_frame(folder / "manifest.csv", table.drop(columns="gold"))
    write_frame(folder / "labels.csv", table[["study", "gold"]])
    return table


def main() -> None:
    """Read the command line and say what was written."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path, help="the .npz file")
    parser.add_argument("folder", type=Path, help="where to write")
    parser.add_argument("--study-type", required=True, help="what the views show, e.g. chest")
    given = parser.parse_args()
    table = write_views(given.source, given.folder, given.study_type)
    for split, rows in table.groupby("split", sort=False):
        print(f"{split}: {len(rows):,} studies, {int(rows['gold'].sum()):,} abnormal")


if __name__ == "__main__":
    main()
