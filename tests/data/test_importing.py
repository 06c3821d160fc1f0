from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mura_ensemble.data.errors import InputError
from mura_ensemble.data.importing.predictions import COLUMNS, import_predictions
from mura_ensemble.data.importing.their_columns import parse_columns
from mura_ensemble.data.mura.index import index_mura, write_index
from mura_ensemble.data.predictions import read_card, read_split

PLAIN = pd.DataFrame(
    {
        "study": ["0001", "0001", "0002", "0003"],
        "view": ["a.png", "b.png", "c.png", "d.png"],
        "patient": ["007", "007", "008", "007"],
        "study_type": ["wrist", "wrist", "XR_HAND", "hand"],
        "probability": [0.25, 0.5, 1.0, np.nan],
    }
)


@pytest.fixture
def bring(tmp_path):
    def run(frame, *, file="theirs.csv", name="theirs", split="valid", **options):
        path = tmp_path / file
        (frame.to_csv if path.suffix == ".csv" else frame.to_parquet)(path, index=False)
        told = import_predictions(path, tmp_path / "set", name=name, split=split, **options)
        return told, read_split(tmp_path / "set" / name, split)

    return run


@pytest.mark.parametrize("file", ["theirs.csv", "theirs.parquet"])
def test_views_with_our_own_names(bring, file):
    told, table = bring(PLAIN, file=file)
    assert (told.studies, told.views, told.failed, told.notes) == (3, 4, 1, ())
    assert table["study"].tolist() == ["0001", "0001", "0002", "0003"]
    assert table["patient"].tolist() == ["007", "007", "008", "007"], "patient 007 keeps its zeros"
    assert table["study_type"].tolist() == ["wrist", "wrist", "hand", "hand"]
    np.testing.assert_allclose(table["probability"], [0.25, 0.5, 1.0, np.nan], rtol=1e-6)
    np.testing.assert_allclose(table["logit"], [-np.log(3), 0, 16.1181, np.nan], rtol=1e-5)
    assert table["status"].tolist() == ["ok", "ok", "ok", "failed"]
    assert table["reason"].iloc[3] == f"no value in {file}"
    assert "1 without a value" in str(told)


def test_names_are_mapped_and_the_card_says_what_was_done(bring, tmp_path):
    theirs = PLAIN.rename(columns={"study": "exam", "view": "file", "study_type": "part", "probability": "p"})
    columns = parse_columns(" study=exam, view=file,study_type=part,probability=p", COLUMNS)
    told, table = bring(theirs.drop(columns="patient"), columns=columns, role="held-out")
    assert told.notes == ("no column of patients: every study counts as its own patient",)
    assert table["patient"].tolist() == table["study"].tolist()
    card = read_card(tmp_path / "set" / "theirs")
    assert card["provenance"]["valid"]["file"] == "theirs.csv"
    assert card["provenance"]["valid"]["notes"] == list(told.notes)
    assert card["splits"]["valid"]["role"] == "held-out"
    assert card["simulated"] is False
    assert str(tmp_path) not in (tmp_path / "set" / "theirs" / "card.json").read_text()


def test_a_second_split_joins_and_the_numbers_are_in_the_key(bring, tmp_path):
    bring(PLAIN, file="one.csv")
    bring(PLAIN, file="two.csv", split="test")
    first = read_card(tmp_path / "set" / "theirs")
    assert set(first["splits"]) == set(first["provenance"]) == {"valid", "test"}
    bring(PLAIN.assign(probability=0.4), file="one.csv")
    second = read_card(tmp_path / "set" / "theirs")
    assert second["splits"]["test"] == first["splits"]["test"]
    assert second["splits"]["valid"]["key"] != first["splits"]["valid"]["key"]


def test_a_corrected_file_replaces_the_first_and_says_so(bring, tmp_path):
    assert bring(PLAIN)[0].notes == ()
    assert bring(PLAIN)[0].notes == (), "the same numbers replace nothing"
    told, table = bring(PLAIN.iloc[:3].assign(probability=0.4))
    assert "note: replaced other numbers of 'theirs' for split 'valid' (4 rows)" in str(told)
    assert len(table) == 3
    assert read_card(tmp_path / "set" / "theirs")["provenance"]["valid"]["notes"] == []
    assert bring(PLAIN, split="test")[0].notes == (), "another split"


@pytest.mark.parametrize(
    "options", [{"name": "../../evil"}, {"name": ""}, {"name": "a/b"}, {"split": "../x"}]
)
def test_nothing_is_written_outside_the_set(bring, tmp_path, options):
    with pytest.raises(InputError, match="give a plain name, without slash"):
        bring(PLAIN, **options)
    assert [path.name for path in tmp_path.iterdir()] == ["theirs.csv"]


def test_logits_are_taken_when_declared(bring):
    logits = np.array([-3.0, 0.0, 800.0, -800.0])
    _, table = bring(PLAIN.assign(probability=logits), logits=True)
    np.testing.assert_allclose(table["logit"], logits)
    np.testing.assert_allclose(table["probability"], [1 / (1 + np.exp(3)), 0.5, 1, 0], rtol=1e-6)


def test_a_few_logits_that_may_be_probabilities_get_a_note(bring):
    told, _ = bring(PLAIN, logits=True)
    assert "all 3 values lie between 0 and 1, as probabilities do; leave --logits out if they are" in str(
        told
    )
    told, _ = bring(PLAIN.assign(probability=[-0.1, 0.2, 0.3, 0.4]), logits=True, name="other")
    assert told.notes == ()


def test_views_of_two_studies_may_share_a_name(bring):
    told, _ = bring(_values([0.1, 0.2], view="image1.png"))
    assert (told.studies, told.views) == (2, 2)


def test_study_level(bring):
    frame = PLAIN.drop_duplicates("study").drop(columns="view")
    told, table = bring(frame, level="study")
    assert (told.studies, told.views) == (3, 3)
    assert table["view"].tolist() == table["study"].tolist()


MURA = pd.DataFrame(
    {
        "path": [
            "MURA-v1.1/valid/XR_WRIST/patient90004/study1_positive/image1.png",
            "/data/MURA-v1.1/valid/XR_WRIST/patient90004/study1_positive/image2.png",
            r"valid\XR_ELBOW\patient90005\study1_negative\image1.png",
        ],
        "probability": [0.9, 0.8, 0.1],
    }
)


def test_mura_paths_say_everything_but_never_the_label(bring):
    _, table = bring(MURA, columns={"view": "path"})
    assert table["study"].tolist() == [
        "valid/XR_ELBOW/patient90005/study1",
        *["valid/XR_WRIST/patient90004/study1"] * 2,
    ]
    assert table["study_type"].tolist() == ["elbow", "wrist", "wrist"]
    assert table["patient"].tolist() == ["patient90005", "patient90004", "patient90004"]
    assert table["probability"].tolist() == pytest.approx([0.1, 0.9, 0.8])
    assert not table["view"].str.contains("positive|negative").any()


def test_mura_study_paths(bring):
    frame = pd.DataFrame(
        {"path": ["MURA-v1.1/valid/XR_WRIST/patient90004/study1_positive/"], "probability": [0.7]}
    )
    _, table = bring(frame, columns={"study": "path"}, level="study")
    assert table.loc[0, ["study", "study_type", "patient"]].tolist() == [
        "valid/XR_WRIST/patient90004/study1",
        "wrist",
        "patient90004",
    ]


@pytest.fixture
def manifest(mura_copy, tmp_path):
    write_index(index_mura(mura_copy), tmp_path / "index")
    return tmp_path / "index" / "manifest.csv"


def test_a_manifest_gives_patients_and_demands_exactly_its_views(bring, manifest):
    views = pd.read_csv(manifest).query("split == 'valid'")
    theirs = pd.DataFrame({"view": views["view"], "probability": np.linspace(0, 1, len(views))})
    told, table = bring(theirs.sample(frac=1, random_state=0), manifest=manifest)
    assert (told.studies, told.views) == (2, 5)
    assert set(table["patient"]) == {"patient90004", "patient90005"}
    merged = table.merge(theirs, on="view")
    np.testing.assert_allclose(merged["probability_x"], merged["probability_y"], rtol=1e-6)
    with pytest.raises(InputError, match=r"image3.png' of .*manifest.csv is missing \(1 of 5\)"):
        bring(theirs[~theirs["view"].str.endswith("image3.png")], manifest=manifest)
    strange = pd.concat(
        [theirs, pd.DataFrame({"view": ["valid/XR_HAND/patient1/study1/x.png"], "probability": [0.5]})]
    )
    with pytest.raises(
        InputError,
        match=r"row 7: view 'valid/XR_HAND/patient1/study1/x.png' is not in .*manifest.csv .*\(1 such rows\)",
    ):
        bring(strange, manifest=manifest)
    with pytest.raises(InputError, match="no view of split 'test'; found train, valid"):
        bring(theirs.assign(view=[f"{i}.png" for i in range(5)]), manifest=manifest, split="test")


def test_a_manifest_at_study_level(bring, manifest):
    studies = pd.read_csv(manifest).query("split == 'valid'")["study"].unique()
    told, _ = bring(pd.DataFrame({"study": studies, "probability": 0.5}), manifest=manifest, level="study")
    assert (told.studies, told.views) == (2, 2)
    with pytest.raises(InputError, match=r"is missing \(1 of 2\)"):
        bring(pd.DataFrame({"study": studies[:1], "probability": 0.5}), manifest=manifest, level="study")


def _values(values, **other):
    n = len(values)
    plain = {"study": [f"s{i}" for i in range(n)], "view": [f"v{i}" for i in range(n)], "study_type": "hand"}
    return pd.DataFrame({**plain, "probability": values, **other})


@pytest.mark.parametrize(
    ("frame", "options", "message"),
    [
        (_values([0.1, 1.3]), {}, r"row 3, column 'probability' is 1.3; expected a probability from 0 to 1$"),
        (
            _values([0.1, 1.3, -2]),
            {},
            r"row 3, .* is 1.3; .*\(2 such values, from -2 to 1.3: if they are logits, declare them with --logits",
        ),
        (_values([10.0, 93.0]), {}, "if they are percentages, divide by 100"),
        (
            _values(np.linspace(0, 1, 8)),
            {"logits": True},
            "declared as logits, but all 8 values lie between 0 and 1, as probabilities do; leave --logits out$",
        ),
        (_values(["high", 0.1]), {}, "row 2, column 'probability' is 'high'; expected a number"),
        (_values([0.1, np.inf]), {}, "row 3, column 'probability' is inf; expected a finite number"),
        (
            _values([0.1, 0.2], study="s", view="v"),
            {},
            r"row 3, column 'view': s / v stands already in row 2",
        ),
        (_values([0.1, 0.2], study="s", patient=["a", "b"]), {}, "study 's' has 2 values of 'patient'"),
        (_values([0.1]).drop(columns="study_type"), {}, "no column 'study_type'"),
        (_values([0.1]).drop(columns="study"), {}, "no column 'study'"),
        (
            _values([0.1]).drop(columns="view"),
            {},
            r"column 'view' is missing; found study.*--columns view=",
        ),
        (_values([0.1]), {"columns": {"probability": "p"}}, r"column 'p' \(our 'probability'\) is missing"),
        (_values([0.1]), {"columns": {"image": "view"}}, "no column 'image' of ours; known are study, view"),
        (_values([0.1]), {"columns": {"view": "view"}, "level": "study"}, "one row is a study"),
        (
            _values([0.1, 0.2], study="s"),
            {"level": "study"},
            r"row 3, column 'study': s stands already in row 2",
        ),
        (_values([0.1], view=""), {}, "row 2, column 'view' is empty"),
        (MURA, {"columns": {"view": "path"}, "split": "test"}, "row 2: .* is not of split 'test'"),
        (
            MURA.assign(path=[*MURA["path"][:2], "x.png"]),
            {"columns": {"view": "path"}},
            "row 4: 'x.png' does not look",
        ),
        (MURA.assign(path=MURA["path"][0]), {"columns": {"view": "path"}}, "stands already in row 2"),
    ],
)
def test_bad_files_are_refused_with_row_and_column(bring, tmp_path, frame, options, message):
    with pytest.raises(InputError, match=message) as refused:
        bring(frame, **options)
    assert str(refused.value).startswith((str(tmp_path / "theirs.csv"), "columns: "))
    assert not (tmp_path / "set").exists(), "nothing half-written"


def test_one_study_by_two_spellings_is_a_duplicate(bring):
    paths = ["valid/XR_HAND/patient1/study1_positive/", "MURA-v1.1/valid/XR_HAND/patient1/study1_positive"]
    with pytest.raises(InputError, match=r"row 3, column 'view': valid/XR_HAND/patient1/study1 .* in row 2"):
        bring(pd.DataFrame({"study": paths, "probability": 0.5}), level="study")


def test_columns_are_parsed():
    assert parse_columns("view=file name,probability=p", COLUMNS) == {"view": "file name", "probability": "p"}
    assert parse_columns("", COLUMNS) == {}
    for text, message in (
        ("view", "is not ours=theirs"),
        ("view=a,view=b", "named twice"),
        ("x=a", "no column 'x'"),
    ):
        with pytest.raises(InputError, match=message):
            parse_columns(text, COLUMNS)


def test_a_file_without_a_value_replaces_nothing(bring, tmp_path):
    bring(PLAIN)
    file = tmp_path / "set" / "theirs" / "valid.parquet"
    before = file.read_bytes()
    with pytest.raises(
        InputError, match=r"theirs.csv: no row has a value; name the column of the probabilities"
    ):
        bring(PLAIN.assign(probability=np.nan))
    assert file.read_bytes() == before
