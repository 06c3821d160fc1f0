from __future__ import annotations

import json
import time

import numpy as np
import pandas as pd
import pytest

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.mura.counts import MURA_COUNTS, MURA_PATIENTS
from mura_ensemble.data.mura.index import index_mura, write_index
from mura_ensemble.data.tables.contracts import MANIFEST, check_table, read_labels, read_table

EXPECTED = {
    "train/XR_HUMERUS/patient90001/study1": 0,
    "train/XR_SHOULDER/patient90001/study1": 1,
    "train/XR_SHOULDER/patient90002/study1": 0,
    "train/XR_WRIST/patient90003/study1": 0,
    "train/XR_WRIST/patient90003/study2": 1,
    "valid/XR_ELBOW/patient90005/study1": 0,
    "valid/XR_WRIST/patient90004/study1": 1,
}


def _labels(index):
    return dict(sorted(index.labels.itertuples(index=False, name=None)))


def _kinds(index):
    """Problems but for the counts, in which a small copy always differs."""
    problems = index.problems[index.problems["kind"] != "other count"]
    return {kind: part["place"].tolist() for kind, part in problems.groupby("kind")}


@pytest.mark.parametrize("given", ["the root", "its parent"])
@pytest.mark.parametrize("lists", ["v1.1", "v1.0", "none"])
def test_both_versions_and_both_roots_give_the_same_views_and_labels(tmp_path, write_mura, lists, given):
    mura = write_mura(tmp_path, lists=lists)
    root = mura if given == "the root" else tmp_path
    index = index_mura(root)
    check_table(index.manifest, MANIFEST, source="manifest")
    assert _labels(index) == EXPECTED
    assert len(index.manifest) == 15
    assert index.manifest["path"].map(lambda path: (root / path).is_file()).all()
    assert (
        not index.manifest[["study", "view", "patient"]].apply(lambda c: c.str.contains("tive")).any().any()
    )
    assert _kinds(index) == {}
    assert index.version == ("v1.0" if lists == "v1.0" else "v1.1")
    assert any("taken from the folders" in note for note in index.notes) == (lists == "none")


def test_lists_beside_the_folder_as_in_the_official_evaluation(mura_copy):
    for name in mura_copy.glob("*.csv"):
        name.rename(mura_copy.parent / name.name)
    index = index_mura(mura_copy.parent)
    assert _labels(index) == EXPECTED
    assert not index.notes


def test_the_first_study_is_not_lost_to_a_header_and_an_added_header_is_passed_over(mura_copy, write_lines):
    before = index_mura(mura_copy)
    assert before.manifest["view"].iloc[0] == "train/XR_SHOULDER/patient90001/study1/image1.png"
    for name, header in (("train_image_paths.csv", "path"), ("train_labeled_studies.csv", "path,label")):
        lines = (mura_copy / name).read_text().splitlines()
        write_lines(mura_copy / name, [header, *lines, ""])
    after = index_mura(mura_copy)
    pd.testing.assert_frame_equal(after.manifest, before.manifest)
    pd.testing.assert_frame_equal(after.labels, before.labels)


def test_stray_missing_and_unlisted_files_are_told(mura_copy):
    study = "valid/XR_WRIST/patient90004/study1_positive"
    (mura_copy / study / "image2.png").unlink()
    (mura_copy / study / "._image1.png").write_bytes(b"\0")
    (mura_copy / study / "image9.png").write_bytes(b"\0")
    index = index_mura(mura_copy)
    assert _kinds(index) == {
        "missing file": [f"{study}/image2.png"],
        "hidden file": [f"{study}/._image1.png"],
        "unlisted file": [f"{study}/image9.png"],
    }
    assert len(index.manifest) == 15, "a missing view stays, so that it becomes a failed view"
    assert f"missing file: {study}/image2.png: listed, but not on disk" in index.summary()


def test_from_folders_only_views_are_taken(tmp_path, write_mura):
    mura = write_mura(tmp_path, lists="none")
    study = mura / "valid/XR_WRIST/patient90004/study1_positive"
    for name in ("._image1.png", "notes.txt"):
        (study / name).write_bytes(b"\0")
    (mura / "valid/readme.png").write_bytes(b"\0")
    index = index_mura(mura)
    assert len(index.manifest) == 15
    assert _kinds(index) == {
        "hidden file": [f"{study.relative_to(mura).as_posix()}/._image1.png"],
        "not a view": ["valid/XR_WRIST/patient90004/study1_positive/notes.txt", "valid/readme.png"],
    }


def _rewrite(path, change):
    path.write_text("".join(f"{line}\n" for line in change(path.read_text().splitlines())))


def test_contradictions_between_lists_folders_and_views_are_told(mura_copy):
    shoulder = "MURA-v1.1/train/XR_SHOULDER/patient90001/study1_positive/"
    _rewrite(mura_copy / "train_image_paths.csv", lambda lines: [*lines, lines[0]])
    _rewrite(
        mura_copy / "train_labeled_studies.csv",
        lambda lines: [
            *(
                f"{shoulder},0" if line.startswith(shoulder) else line
                for line in lines
                if "WRIST" not in line
            ),
            "MURA-v1.1/train/XR_WRIST/patient90003/study1_negative/,0",
            "MURA-v1.1/train/XR_WRIST/patient90003/study1_negative/,1",
            "MURA-v1.1/train/XR_HAND/patient90009/study1_negative/,0",
        ],
    )
    index = index_mura(mura_copy)
    assert _kinds(index) == {
        "listed twice": ["train/XR_SHOULDER/patient90001/study1_positive/image1.png"],
        "two labels": ["train/XR_WRIST/patient90003/study1"],
        "study without views": ["train/XR_HAND/patient90009/study1"],
        "label and folder differ": ["train/XR_SHOULDER/patient90001/study1"],
        "study without a label": ["train/XR_WRIST/patient90003/study2"],
    }
    labels = _labels(index)
    assert labels["train/XR_SHOULDER/patient90001/study1"] == 0, "the list's label is kept"
    assert labels["train/XR_WRIST/patient90003/study2"] == 1, "the folder's name steps in"
    assert "train/XR_WRIST/patient90003/study1" not in labels


def test_a_study_in_two_folders_is_told(tmp_path, write_mura):
    mura = write_mura(tmp_path, lists="none")
    twin = mura / "valid/XR_WRIST/patient90004/study1_negative"
    twin.mkdir()
    (twin / "image1.png").write_bytes(b"\0")
    index = index_mura(mura)
    assert _kinds(index)["two labels"] == ["valid/XR_WRIST/patient90004/study1"]
    assert len(_kinds(index)["listed twice"]) == 1
    assert "valid/XR_WRIST/patient90004/study1" not in _labels(index)


def test_other_labels_replace_only_what_they_name(mura_copy, write_lines, tmp_path):
    other = write_lines(
        tmp_path / "corrected.csv",
        [
            "MURA-v1.1/valid/XR_ELBOW/patient90005/study1_negative/,1",
            "MURA-v1.1/valid/XR_WRIST/patient90004/study1_positive/image1.png,1",
            "MURA-v1.1/valid/XR_HAND/patient90077/study1_negative/,0",
        ],
    )
    index = index_mura(mura_copy, labels=other)
    assert _labels(index) == EXPECTED | {"valid/XR_ELBOW/patient90005/study1": 1}
    assert _kinds(index) == {"unknown study": ["valid/XR_HAND/patient90077/study1"]}
    assert index.notes == ("labels of 2 studies are those of corrected.csv: 1 became abnormal, 0 normal",)
    assert index.counts.equals(index_mura(mura_copy).counts)


def test_a_part_of_the_data_set_is_indexed_and_said(tmp_path, write_mura):
    mura = write_mura(tmp_path, {("valid", "HAND", "patient90001", 1, 0): 1})
    index = index_mura(mura)
    assert index.notes == ("there is no train in this copy",)
    assert set(index.counts["split"]) == {"valid"}


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        (
            "valid_image_paths.csv",
            "MURA-v1.1/valid/XR_FOOT/patient1/study1_positive/a.png",
            "row 6: .*XR_FOOT",
        ),
        (
            "valid_image_paths.csv",
            "MURA-v1.1/valid/XR_HAND/patient1/study1_positive/",
            "row 6: .* one of the views",
        ),
        ("valid_labeled_studies.csv", "MURA-v1.1/valid/XR_HAND/patient1/study1/,2", "row 3, column 2 is '2'"),
        ("valid_labeled_studies.csv", "MURA-v1.1/valid/XR_HAND/patient1/study1/", "row 3, column 2 is ''"),
        ("valid_labeled_studies.csv", "a/b.png,1", "row 3: 'a/b.png' does not look like MURA"),
        (
            "valid_labeled_studies.csv",
            "valid/XR_HAND/patient1/study1/a.png,1",
            "row 3: .* one of the studies",
        ),
    ],
)
def test_bad_lists_are_refused_with_file_and_row(mura_copy, name, line, message):
    _rewrite(mura_copy / name, lambda lines: [*lines, line])
    with pytest.raises(InputError, match=f"{name}: {message}"):
        index_mura(mura_copy)


def test_what_is_no_copy_is_refused(tmp_path, write_mura, write_lines):
    with pytest.raises(InputError, match="no such folder"):
        index_mura(tmp_path / "nowhere")
    with pytest.raises(InputError, match="neither MURA's lists"):
        index_mura(tmp_path)
    write_mura(tmp_path)
    with pytest.raises(InputError, match="no such file; check"):
        index_mura(tmp_path, labels=tmp_path / "none.csv")
    (tmp_path / "MURA-v1.1" / "train_labeled_studies.csv").write_text("")
    with pytest.raises(InputError, match=r"train_labeled_studies.csv: the list is empty"):
        index_mura(tmp_path)
    write_lines(tmp_path / "MURA-v1.1" / "train_labeled_studies.csv", ["path,label"])
    with pytest.raises(InputError, match="a header and no rows"):
        index_mura(tmp_path)
    write_mura(tmp_path, lists="v1.0")
    with pytest.raises(InputError, match=r"holds MURA-v1.1 and MURA-v1.0"):
        index_mura(tmp_path)


def test_written_index_reads_back(mura_copy, tmp_path):
    (mura_copy / "valid/XR_WRIST/patient90004/study1_positive/image2.png").unlink()
    index = index_mura(mura_copy)
    write_index(index, tmp_path / "out")
    manifest = read_table(tmp_path / "out" / "manifest.csv", MANIFEST)
    pd.testing.assert_frame_equal(manifest, index.manifest, check_dtype=False)
    assert "gold" not in pd.read_csv(tmp_path / "out" / "manifest.csv")
    assert read_labels(tmp_path / "out" / "labels.csv").to_dict() == EXPECTED
    told = json.loads((tmp_path / "out" / "index.json").read_text())
    assert (told["studies"], told["views"], told["version"]) == (7, 15, "v1.1")
    problems = {problem["kind"]: problem for problem in told["problems"]}
    assert problems["missing file"]["count"] == 1
    wrist = {"split": "valid", "study_type": "wrist", "quantity": "abnormal", "found": 1, "expected": 97}
    assert wrist in told["counts"]


def test_published_counts_add_up_to_the_published_totals():
    totals = {"train": (8280, 5177, 36808), "valid": (661, 538, 3197), "test": (115, 92, 556)}
    for split, (normal, abnormal, views) in totals.items():
        counts = MURA_COUNTS[split].values()
        assert sum(c.normal for c in counts) == normal
        assert sum(c.abnormal for c in counts) == abnormal
        assert sum(c.views for c in counts) == views
    assert sum(MURA_PATIENTS.values()) == 12_173


def _full_size():
    """Studies with MURA's exact counts (patients invented), for a copy of full size without files."""
    rng = np.random.default_rng(0)
    studies = {}
    for split in ("train", "valid"):
        for kind, counts in MURA_COUNTS[split].items():
            extra = np.bincount(
                rng.integers(0, counts.studies, counts.views - counts.studies), minlength=counts.studies
            )
            for i in range(counts.studies):
                patient = f"patient{i % counts.patients:05d}"
                key = (split, kind.upper(), patient, 1 + i // counts.patients, int(i < counts.abnormal))
                studies[key] = 1 + int(extra[i])
    return studies


def test_a_copy_of_full_size_is_fast_and_agrees_with_the_published_counts(tmp_path, write_mura):
    mura = write_mura(tmp_path, _full_size(), files=False)
    start = time.process_time()
    index = index_mura(mura)
    assert time.process_time() - start < 8, "about a second on an idle machine"
    assert (len(index.manifest), len(index.labels)) == (40_005, 14_656)
    others = index.problems[index.problems["kind"] == "other count"]
    assert set(others["place"]) == {"train all", "valid all"}, (
        "the invented patients recur in every study type"
    )
    assert (index.problems["kind"] == "missing file").sum() == 40_005
