from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sampling import amount

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.names import (
    STUDY_TYPES,
    ViewPath,
    parse_path,
    parse_study_path,
    parse_view_path,
    study_key,
    view_key,
)

VIEW = "valid/XR_WRIST/patient11185/study1_positive/image1.png"
PARSED = ViewPath("valid", "wrist", "patient11185", 1, "image1.png", 1)


@pytest.mark.parametrize(
    "path",
    [
        VIEW,
        f"MURA-v1.1/{VIEW}",
        f"MURA-v1.0/{VIEW}",
        f"/data/sets/MURA-v1.1/{VIEW}",
        f"  ./{VIEW}\n",
        "C:\\sets\\MURA-v1.1\\" + VIEW.replace("/", "\\"),
    ],
)
def test_roots_and_slashes_do_not_matter(path):
    assert parse_view_path(path) == PARSED
    assert parse_path(path) == PARSED


@pytest.mark.parametrize("end", ["", "/"])
def test_study_paths_with_and_without_the_slash(end):
    found = parse_study_path(f"MURA-v1.1/train/XR_HAND/patient00001/study12_negative{end}")
    assert found == ViewPath("train", "hand", "patient00001", 12, None, 0)
    assert found.study == "train/XR_HAND/patient00001/study12"
    with pytest.raises(ValueError, match="is a study, not a view"):
        _ = found.view


def test_the_hidden_test_names_no_label():
    assert parse_view_path("MURA-v1.1/test/XR_ELBOW/patient1/study1/image1.png").label is None


@settings(max_examples=amount(50), deadline=None)
@given(
    st.sampled_from(["train", "valid", "test"]),
    st.sampled_from(STUDY_TYPES),
    st.from_regex(r"patient\d{1,6}", fullmatch=True),
    st.integers(1, 50),
    st.sampled_from(["_positive", "_negative", ""]),
    st.from_regex(r"[\w.-]{1,12}", fullmatch=True),
)
def test_keys_hold_everything_but_the_label_and_read_back(split, study_type, patient, number, label, file):
    study = study_key(split, study_type, patient, number)
    found = parse_view_path(f"{study}{label}/{file}")
    assert found.study == study
    assert found.view == view_key(study, file)
    assert parse_path(found.view) == ViewPath(split, study_type, patient, number, file, None)
    assert parse_path(found.study).study == study
    assert (found.split, found.study_type, found.patient, found.number) == (
        split,
        study_type,
        patient,
        number,
    )


def test_the_key_tells_studies_apart_that_share_patient_and_number():
    one = parse_study_path("train/XR_HAND/patient00001/study1_positive").study
    two = parse_study_path("train/XR_WRIST/patient00001/study1_negative").study
    three = parse_study_path("valid/XR_WRIST/patient00001/study1_negative").study
    assert len({one, two, three}) == 3


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "does not look like MURA"),
        ("image1.png", "does not look like MURA"),
        ("train/XR_HAND/patient1/study1_maybe/image1.png", "does not look like MURA"),
        ("train/XR_HAND/patient1/study1/deeper/image1.png", "does not look like MURA"),
        ("tune/XR_HAND/patient1/study1/image1.png", "does not look like MURA"),
        ("train/XR_FOOT/patient1/study1/image1.png", "study type XR_FOOT; MURA has elbow, finger"),
    ],
)
def test_other_paths_are_refused(path, message):
    with pytest.raises(InputError, match=message):
        parse_path(path)


def test_a_study_is_no_view_and_a_view_no_study():
    with pytest.raises(InputError, match="is the path of a study"):
        parse_view_path("train/XR_HAND/patient1/study1_positive/")
    with pytest.raises(InputError, match="is the path of a view"):
        parse_study_path("train/XR_HAND/patient1/study1_positive/image1.png")
