"""What predictions and labels give away: found in files, and only where it is so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mura_ensemble.commands.work.readers import analyse_readers
from mura_ensemble.comparison.findings.caller_warnings import code_of
from mura_ensemble.comparison.findings.leakage import hidden_panel, same_network, seen_patients
from mura_ensemble.comparison.gather.models import read_cards
from mura_ensemble.comparison.gather.raters import assemble_raters
from mura_ensemble.comparison.gather.reading import assemble_reads
from mura_ensemble.data.predictions import manifest_digest, write_split

PNEUMONIA = Path(__file__).parents[2] / "predictions" / "pneumoniamnist"
STUDIES = 60


def write_backbone(
    folder: Path, seed: int, *, trained_on: str = "", members: list[str] | None = None, role: str = "held-out"
) -> None:
    """Splits `train` and `test`; patients 0 and 1 of `test` are `train`'s too."""
    for split, said in (("train", trained_on or "held-out"), ("test", role)):
        rng = np.random.default_rng(seed)
        studies = [f"{split}/s{number:02d}" for number in range(STUDIES)]
        first = 0 if split == "train" else STUDIES - 2
        logit = rng.normal(size=STUDIES)
        table = pd.DataFrame({"study": studies, "view": [f"{study}.png" for study in studies]}).assign(
            patient=[f"p{first + number:03d}" for number in range(STUDIES)],
            study_type="wrist", split=split, fold=-1, logit=logit, probability=1 / (1 + np.exp(-logit)),
            status="ok", reason="",
        )  # fmt: skip
        inputs = {"backbone": folder.name} | ({"members": members} if members else {})
        write_split(
            folder, split, table, inputs=inputs, manifest=manifest_digest(table), made_by="test", role=said
        )


def write_labels_and_readers(folder: Path) -> tuple[Path, Path]:
    rng = np.random.default_rng(5)
    index = pd.Index([f"test/s{number:02d}" for number in range(STUDIES)], name="study")
    truth = rng.random(STUDIES) < 0.5
    reads = pd.DataFrame(
        (truth[:, None] ^ (rng.random((STUDIES, 5)) < 0.2)).astype(int), index, list("vwxyz")
    )
    gold = (reads[["w", "x", "z"]].sum(axis=1) >= 2).astype(int).rename("gold")
    gold.to_csv(folder / "labels.csv")
    reads.to_csv(folder / "readers.csv")
    return folder / "labels.csv", folder / "readers.csv"


def codes_of(warnings: tuple[str, ...]) -> dict[str, str]:
    return {code_of(sentence): sentence for sentence in warnings}


def test_all_is_said_of_a_cache_that_leaks(tmp_path: Path) -> None:
    labels, readers = write_labels_and_readers(tmp_path)
    write_backbone(tmp_path / "set" / "one", 1, trained_on="out-of-fold")
    write_backbone(tmp_path / "set" / "same", 1, trained_on="in-sample")
    write_backbone(tmp_path / "set" / "other", 2)
    found = codes_of(assemble_raters(tmp_path / "set", "test", labels=labels, readers=readers).warnings)
    assert found.keys() == {"ME020", "ME021", "ME023"}
    assert found["ME020"].startswith("one and same have identical probabilities of every view")
    assert found["ME021"].startswith(
        "2 patients of these studies are also in split 'train', on which one and same were"
    )
    assert "majority of w, x and z on every study" in found["ME023"]


def test_readers_says_of_the_same_files_what_report_says(tmp_path: Path) -> None:
    """Labels that are the majority of three readers, a copied network, roles nobody gave, patients seen in training."""
    labels, readers = write_labels_and_readers(tmp_path)
    write_backbone(tmp_path / "set" / "net_a", 1, trained_on="in-sample", role="unknown")
    write_backbone(tmp_path / "set" / "net_b", 2, role="unknown")
    write_backbone(tmp_path / "set" / "net_c", 1, role="unknown")
    report = assemble_raters(tmp_path / "set", "test", labels=labels, readers=readers).warnings
    table = assemble_reads(readers, predictions=tmp_path / "set", gold=labels)
    assert codes_of(report).keys() == {"ME001", "ME020", "ME021", "ME023"}
    assert table.warnings == report
    analyse_readers(readers, tmp_path / "out", predictions=tmp_path / "set", gold=labels, resamples=200)
    page = (tmp_path / "out" / "readers.md").read_text()
    for code in ("ME001", "ME020", "ME021", "ME023"):
        assert code in page
    named = assemble_reads(readers, predictions=tmp_path / "set", gold=labels, named=("w", "x", "z")).warnings
    assert codes_of(named).keys() == {"ME001", "ME020", "ME021"}, "who is named is not hidden"
    few = tmp_path / "few.csv"
    pd.read_csv(readers).iloc[2:].to_csv(few, index=False)
    unseen = assemble_reads(few, predictions=tmp_path / "set").warnings
    assert codes_of(unseen).keys() == {"ME001", "ME020"}, "the two training patients were not read"


def test_readers_says_of_an_ensemble_that_it_was_tuned_here(tmp_path: Path) -> None:
    reads = pd.read_csv(PNEUMONIA / "labels.csv").head(300).rename(columns={"gold": "one"})
    reads.assign(other=reads["one"]).to_csv(tmp_path / "readers.csv", index=False)
    path = PNEUMONIA / "ensembles" / "ensemble_stack_kappa.json"
    there = pd.read_parquet(next(PNEUMONIA.glob("*/train.parquet")), columns=["study"])["study"]
    read = int(reads["study"].isin(there).sum())
    table = assemble_reads(
        tmp_path / "readers.csv", predictions=PNEUMONIA, split="train", ensembles=[path], allow_fitted=True
    )
    (sentence,) = [said for said in table.warnings if code_of(said) == "ME022"]
    assert read > 0
    assert f"was chosen on {read} studies that score it" in sentence
    assert "ensemble_stack_kappa" in table.apparent


def test_nothing_is_said_of_a_clean_one(tmp_path: Path) -> None:
    labels, readers = write_labels_and_readers(tmp_path)
    write_backbone(tmp_path / "set" / "one", 1)
    write_backbone(tmp_path / "set" / "other", 2)
    assert assemble_raters(tmp_path / "set", "test", labels=labels).warnings == ()
    assert assemble_raters(tmp_path / "set", "test", readers=readers, panel=("w", "x", "z")).warnings == ()


def test_the_same_weights_are_known_though_the_probabilities_differ(tmp_path: Path) -> None:
    write_backbone(tmp_path / "set" / "one", 1, members=["abc", "def"])
    write_backbone(tmp_path / "set" / "mirrored", 2, members=["abc", "def"])
    write_backbone(tmp_path / "set" / "other", 3, members=["123"])
    labels, _ = write_labels_and_readers(tmp_path)
    (sentence,) = assemble_raters(tmp_path / "set", "test", labels=labels).warnings
    assert sentence == "mirrored and one have the same weights: one network under two names."


def test_one_network_under_many_names_is_one_sentence(tmp_path: Path) -> None:
    labels, _ = write_labels_and_readers(tmp_path)
    for seed, name in enumerate("abcde"):
        write_backbone(tmp_path / "set" / name, seed, members=["w2", "w1"] if seed else ["w1", "w2"])
    for name in ("x", "y", "z"):
        write_backbone(tmp_path / "set" / name, 9, members=["w3"])
    found = assemble_raters(tmp_path / "set", "test", labels=labels).warnings
    assert found == (
        "x, y and z have identical probabilities of every view: one network under 3 names.",
        "a, b, c, d and e have the same weights: one network under 5 names.",
    )
    assert {code_of(sentence) for sentence in found} == {"ME020"}


def test_a_split_predicted_out_of_fold_is_not_leaked_by_itself(tmp_path: Path) -> None:
    write_backbone(tmp_path / "set" / "one", 1, trained_on="out-of-fold")
    cards = read_cards(tmp_path / "set")
    patients = pd.Series([f"p{number:03d}" for number in range(STUDIES)])
    assert list(seen_patients(tmp_path / "set", cards, "train", patients)) == []
    assert list(seen_patients(tmp_path / "set", cards, "test", pd.Series(["p900"]))) == []


def test_an_operating_point_chosen_on_the_scored_studies_is_said() -> None:
    ensembles = [
        PNEUMONIA / "ensembles" / f"{name}.json" for name in ("ensemble_stack", "ensemble_stack_kappa")
    ]
    table = assemble_raters(
        PNEUMONIA, "train", labels=PNEUMONIA / "labels.csv", ensembles=ensembles, allow_fitted=True
    )
    found = [sentence for sentence in table.warnings if code_of(sentence) == "ME022"]
    assert found == [
        "The operating point of ensemble_stack_kappa (kappa) was chosen on 3,882 studies that score it."
    ], "the other calls above 0.5, which was not chosen"
    assert {"ensemble_stack", "ensemble_stack_kappa"} <= set(table.apparent)
    clean = assemble_raters(PNEUMONIA, "test", labels=PNEUMONIA / "labels.csv", ensembles=ensembles)
    assert "ME022" not in {code_of(sentence) for sentence in clean.warnings}


@pytest.mark.parametrize("size", [3, 5])
def test_a_panel_of_either_size_is_found_among_many_readers(size: int) -> None:
    rng = np.random.default_rng(3)
    truth = rng.random(80) < 0.5
    reads = pd.DataFrame(
        (truth[:, None] ^ (rng.random((80, 20)) < 0.25)).astype(float),
        columns=[f"r{j:02d}" for j in range(20)],
    )
    gold = (reads.iloc[:, :size].sum(axis=1) > size / 2).astype(float)
    (sentence,) = hidden_panel(reads, gold, ())
    assert all(f"r{j:02d}" in sentence for j in range(size))
    gold.iloc[0] = 1 - gold.iloc[0]
    assert list(hidden_panel(reads, gold, ())) == []
    assert list(hidden_panel(reads.iloc[1:20], gold.iloc[1:20], ())) == [], "on few studies it may be chance"


def test_backbones_without_weights_on_their_cards_are_compared_by_probability_alone(tmp_path: Path) -> None:
    write_backbone(tmp_path / "set" / "one", 1)
    write_backbone(tmp_path / "set" / "two", 2)
    from mura_ensemble.ensembles.pooling.studies import read_study_probabilities

    pooled = read_study_probabilities(tmp_path / "set", "test")
    assert list(same_network(pooled, read_cards(tmp_path / "set"))) == []
