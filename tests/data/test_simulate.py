from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.predictions import read_card, read_predictions, read_split, splits_of, write_split
from mura_ensemble.data.simulation import study as simulate
from mura_ensemble.data.simulation.study import (
    BACKBONES,
    PANEL,
    READERS,
    simulate_reader_study,
    write_reader_study,
)
from mura_ensemble.data.tables.contracts import PREDICTIONS, check_table, read_labels


@pytest.fixture(scope="module")
def study():
    return simulate_reader_study()


def _kappa(gold, call):
    observed = (gold == call).mean()
    expected = gold.mean() * call.mean() + (1 - gold.mean()) * (1 - call.mean())
    return (observed - expected) / (1 - expected)


def _gold(study):
    calls = study.readers_test.set_index("study")
    return (calls[list(PANEL)].sum(axis=1) >= 2).astype(int)


def _probabilities(study, split):
    return pd.DataFrame(
        {
            name: tables[split].groupby("study")["probability"].mean()
            for name, tables in study.predictions.items()
        }
    )


# Published counts: MURA's valid set and its hidden test set.
SIZES = {
    "valid": {"elbow": (92, 66), "finger": (92, 83), "forearm": (69, 64), "hand": (101, 66),
              "humerus": (68, 67), "shoulder": (99, 95), "wrist": (140, 97)},
    "test": {"elbow": (17, 11), "finger": (19, 11), "forearm": (14, 16), "hand": (19, 11),
             "humerus": (15, 15), "shoulder": (17, 13), "wrist": (14, 15)},
}  # fmt: skip
TOTALS = {"valid": (1199, 783, 3197, 538), "test": (207, 206, 556, 92)}


@pytest.mark.parametrize("split", ["valid", "test"])
def test_the_shape_is_muras(study, split):
    views = study.predictions["sim_resnet50"][split]
    gold = study.labels_valid.set_index("study")["gold"] if split == "valid" else _gold(study)
    studies = views.drop_duplicates("study")
    assert (len(studies), studies["patient"].nunique(), len(views), gold.sum()) == TOTALS[split]
    assert set(studies["study"]) == set(gold.index)
    counts = pd.crosstab(studies["study_type"], gold.loc[studies["study"]].to_numpy())
    assert {name: tuple(row) for name, row in zip(counts.index, counts.to_numpy(), strict=True)} == SIZES[
        split
    ]
    assert views.groupby("study").size().between(1, 4).all()
    assert set(views.groupby("study").size()) == {1, 2, 3, 4}


def test_patients_have_several_studies_across_study_types(study):
    studies = study.predictions["sim_resnet50"]["valid"].drop_duplicates("study")
    per_patient = studies.groupby("patient")["study_type"].agg(["size", "nunique"])
    assert (per_patient["nunique"] > 1).sum() == 248
    assert 255 <= (per_patient["size"] > 1).sum() <= 285
    assert per_patient["size"].max() <= 9


def test_every_table_keeps_the_contract_and_nothing_looks_like_a_mura_patient(study):
    keys = None
    for name, tables in study.predictions.items():
        assert name.startswith("sim_")
        for split, table in tables.items():
            checked = check_table(table, PREDICTIONS, source=name)
            assert np.allclose(checked["probability"], 1 / (1 + np.exp(-checked["logit"])), atol=1e-6)
            assert table["patient"].str.fullmatch(rf"sim{split}\d{{5}}").all()
            assert not table["view"].str.contains("positive|negative").any()
        now = {split: tables[split]["view"].tolist() for split in tables}
        assert keys in (None, now)
        keys = now


def test_readers_have_the_sensitivity_and_specificity_they_were_given():
    studies = [simulate_reader_study(seed=seed) for seed in range(4)]
    calls = pd.concat([study.readers_test.set_index("study") for study in studies], ignore_index=True)
    truth = pd.concat(
        [
            study.latent_truth.set_index("study")["latent_truth"].loc[study.readers_test["study"]]
            for study in studies
        ],
        ignore_index=True,
    )
    for reader, (sensitivity, specificity) in READERS.items():
        # 828 studies: three standard errors, and the hard study types, stay within .06.
        assert abs(calls.loc[truth == 1, reader].mean() - sensitivity) < 0.06
        assert abs(1 - calls.loc[truth == 0, reader].mean() - specificity) < 0.06
    wrong = calls.sub(truth, axis=0).abs()
    assert np.corrcoef(wrong["reader_4"], wrong["reader_6"])[0, 1] > 0.1


def test_kappas_are_realistic_and_the_ensemble_gains(study):
    gold = _gold(study)
    calls = study.readers_test.set_index("study")
    for reader in ("reader_4", "reader_5", "reader_6"):
        assert 0.68 < _kappa(gold, calls[reader]) < 0.82
    called = _probabilities(study, "test").loc[gold.index]
    kappas = {name: _kappa(gold, (called[name] > 0.5).astype(int)) for name in called}
    assert min(kappas, key=kappas.__getitem__) == "sim_mobilenet_v3"
    assert all(0.60 < kappa < 0.76 for name, kappa in kappas.items() if name != "sim_mobilenet_v3")
    assert _kappa(gold, (called.mean(axis=1) > 0.5).astype(int)) > max(kappas.values())


def test_backbones_are_correlated_and_two_are_nearly_one(study):
    logits = pd.DataFrame(
        {name: tables["valid"].set_index("view")["logit"] for name, tables in study.predictions.items()}
    )
    correlation = logits.corr()
    off = correlation.to_numpy()[np.triu_indices(len(BACKBONES), 1)]
    assert off.min() > 0.5
    assert correlation.loc["sim_densenet169", "sim_densenet169_seed2"] == off.max() > 0.97


def test_nothing_simulated_is_put_among_real_predictions(study, tmp_path):
    table = study.predictions["sim_resnet50"]["valid"]
    write_split(tmp_path / "net", "valid", table, inputs={}, manifest="x", made_by="a test", role="held-out")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=r"net: holds predictions that are not simulated; .*--out"):
        write_reader_study(study, tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_the_seed_decides_everything_and_files_are_equal_byte_for_byte(study, tmp_path):
    write_reader_study(study, tmp_path / "one")
    write_reader_study(simulate_reader_study(), tmp_path / "two")
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert len(files) == 3 * len(BACKBONES) + 3
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    assert sum((tmp_path / "one" / file).stat().st_size for file in files) < 1_000_000
    other = simulate_reader_study(seed=2)
    assert not other.readers_test.equals(study.readers_test)
    with pytest.raises(InputError, match="another model already stand under the name 'sim_convnext_tiny'"):
        write_reader_study(other, tmp_path / "one")


def test_what_is_written_reads_back_and_says_that_it_is_simulated(study, tmp_path):
    write_reader_study(study, tmp_path)
    assert splits_of(tmp_path) == ["test", "valid"]
    read = read_predictions(tmp_path, "test")
    assert list(read) == sorted(BACKBONES)
    for name, table in read.items():
        expected = study.predictions[name]["test"]
        assert np.allclose(table["probability"], expected["probability"], atol=1e-7)
        card = read_card(tmp_path / name)
        assert card["simulated"] is True
        assert card["inputs"]["seed"] == study.seed
        assert {entry["role"] for entry in card["splits"].values()} == {"held-out"}
    assert read_labels(tmp_path / "labels_valid.csv").sum() == 538
    assert "Everything in this folder is simulated" in (tmp_path / "README.md").read_text()
    assert "latent_truth" not in "".join(path.name for path in tmp_path.rglob("*"))


def test_the_committed_study_is_this_generators(study, tmp_path):
    committed = Path(simulate.__file__).parents[3] / "predictions" / "simulated"
    write_reader_study(study, tmp_path)
    for name in ("labels_valid.csv", "readers_test.csv", "README.md"):
        assert (committed / name).read_bytes() == (tmp_path / name).read_bytes()
    for name in BACKBONES:
        for split in ("valid", "test"):
            pd.testing.assert_frame_equal(
                read_split(committed / name, split), read_split(tmp_path / name, split)
            )
