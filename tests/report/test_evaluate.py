import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from mura_ensemble.comparison.official import evaluate
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.mura.official import read_gold, read_study_calls, read_view_list, write_study_calls

TYPES = ("ELBOW", "FINGER", "FOREARM", "HAND", "HUMERUS", "SHOULDER", "WRIST")


@pytest.fixture
def files(tmp_path):
    """207 studies, three votes each, and calls of a rater that is often right."""
    rng = np.random.default_rng(5)
    paths = [f"MURA-v1.1/test/XR_{TYPES[i % 7]}/patient{i:05d}/study1/" for i in range(207)]
    truth = rng.random(207) < 0.45
    votes = (rng.random((207, 3)) < np.where(truth, 0.9, 0.1)[:, None]).astype(int)
    calls = (rng.random(207) < np.where(truth, 0.85, 0.12)).astype(int)
    gold = pd.DataFrame({"study": paths, **{f"r{j}": votes[:, j] for j in range(3)}})
    predictions = pd.DataFrame({"study": paths, "call": calls})

    def write(gold=gold, predictions=predictions):
        gold.to_csv(tmp_path / "gold.csv", header=False, index=False)
        predictions.to_csv(tmp_path / "calls.csv", header=False, index=False)
        return tmp_path / "gold.csv", tmp_path / "calls.csv"

    return gold, predictions, write


def evaluator_of_the_competition(gold, predictions):
    """Written from the description of the contract: mode, inner merge, substring, variance as limits."""
    merged = predictions.merge(
        pd.DataFrame({"study": gold["study"], "gold": gold.drop(columns="study").mode(axis=1)[0]}), on="study"
    )
    out = {}
    for part in [*TYPES, "/"]:
        rows = merged[merged["study"].str.contains(part, regex=False)]
        n = len(rows)
        agreement = (rows["gold"] == rows["call"]).mean()
        chance = rows["gold"].mean() * rows["call"].mean() + (1 - rows["gold"].mean()) * (
            1 - rows["call"].mean()
        )
        kappa = (agreement - chance) / (1 - chance)
        slip = 1.96 * agreement * (1 - agreement) / (n * (1 - chance) ** 2)
        name = "Overall" if part == "/" else part.capitalize()
        out |= {f"{name}_Mean": kappa, f"{name}_Lower": kappa - slip, f"{name}_Upper": kappa + slip}
    return out


def test_official_reproduces_the_evaluator(files):
    gold, predictions, write = files
    found = evaluate(*write(), protocol="official")
    expected = evaluator_of_the_competition(gold, predictions)
    record = found.record()
    assert {key: record[key] for key in expected} == pytest.approx(expected, abs=1e-12)
    assert "not a confidence interval" in found.notes[0]
    assert len(found.notes) == 1


def test_official_counts_duplicates_twice_and_forgets_missing_studies_but_says_so(files):
    gold, predictions, write = files
    spoilt = pd.concat([predictions.iloc[10:], predictions.iloc[[20, 21]]])
    found = evaluate(*write(predictions=spoilt), protocol="official")
    expected = evaluator_of_the_competition(gold, spoilt)
    record = found.record()
    assert {key: record[key] for key in expected} == pytest.approx(expected, abs=1e-12)
    assert "199 rows were scored against 207 studies" in found.notes[1]


def test_strict_is_kappa_with_an_interval_that_holds(files):
    gold, predictions, write = files
    found = evaluate(*write()).table
    truth = (gold[["r0", "r1", "r2"]].sum(axis=1) >= 2).astype(int)
    overall = found.loc["overall"]
    assert overall["kappa"] == pytest.approx(cohen_kappa_score(truth, predictions["call"]), abs=1e-12)
    assert overall["n"] == 207
    assert overall["TP"] + overall["FN"] == truth.sum()
    assert overall["high"] - overall["low"] > 0.1  # the legacy limits are some twenty times narrower
    wrist = predictions["study"].str.contains("WRIST")
    assert found.loc["wrist", "kappa"] == pytest.approx(
        cohen_kappa_score(truth[wrist], predictions["call"][wrist]), abs=1e-12
    )


def test_trailing_slash_and_root_do_not_matter(files):
    _, predictions, write = files
    before = evaluate(*write()).table
    bare = predictions.assign(study=predictions["study"].str.rstrip("/").str.removeprefix("MURA-v1.1/"))
    pd.testing.assert_frame_equal(evaluate(*write(predictions=bare)).table, before)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda p: pd.concat([p, p.iloc[[3]]]), r"row 208, column '1': study .* stands already"),
        (lambda p: p.iloc[1:], "no call for study test/XR_ELBOW/patient00000/study1 \\(1 of 207"),
        (lambda p: p.assign(study=p["study"] + "image1.png"), "is a view; give one call per study"),
        (lambda p: pd.concat([p, pd.DataFrame({"study": ["MURA-v1.1/test/XR_HAND/patient99999/study1/"], "call": [1]})]),
         "row 208, column '1': study test/XR_HAND/patient99999/study1 has no gold"),
        (lambda p: p.assign(call=p["call"].where(p.index != 4, 2)), "row 5, column '2'"),
        (lambda p: p.assign(study="elsewhere/" + p.index.astype(str)), "does not look like MURA"),
        (lambda p: p.assign(extra=1), "3 columns"),
    ],
)  # fmt: skip
def test_strict_refuses(files, spoil, sentence):
    _, predictions, write = files
    with pytest.raises(InputError, match=sentence):
        evaluate(*write(predictions=spoil(predictions)))


def test_a_constant_rater_is_scored_and_noted(files):
    _, predictions, write = files
    found = evaluate(*write(predictions=predictions.assign(call=0)))
    assert found.table.loc["overall", "kappa"] == 0
    assert "Every study is called 0" in found.notes[-1]


def test_a_tie_among_the_votes_is_refused(files):
    gold, _, write = files
    with pytest.raises(InputError, match="are a tie"):
        evaluate(*write(gold=gold[["study", "r0", "r1"]]))


def test_a_header_line_is_noticed(files, tmp_path):
    _, predictions, _ = files
    predictions.to_csv(tmp_path / "calls.csv", index=False)
    with pytest.raises(InputError, match="no header"):
        read_study_calls(tmp_path / "calls.csv")


def test_view_list_and_calls_keep_the_contract(tmp_path):
    folder = "MURA-v1.1/test/XR_WRIST/patient00001/study1"
    (tmp_path / "in.csv").write_text(f"{folder}/image1.png\n{folder}/image2.png\n")
    views = read_view_list(tmp_path / "in.csv")
    assert views["study_path"].unique().tolist() == [f"{folder}/"]
    assert views["study"].unique().tolist() == ["test/XR_WRIST/patient00001/study1"]
    write_study_calls(tmp_path / "out.csv", pd.Series([folder]), pd.Series([0]))
    assert (tmp_path / "out.csv").read_text() == f"{folder}/,0\n"
    with pytest.raises(InputError, match="has no call"):
        write_study_calls(tmp_path / "none.csv", pd.Series([folder]), pd.Series([np.nan]))
    assert not (tmp_path / "none.csv").exists()
    (tmp_path / "in.csv").write_text(f"{folder}/image1.png\n{folder}/image1.png\n")
    with pytest.raises(InputError, match=r"row 2, column '1': view .* stands already in row 1"):
        read_view_list(tmp_path / "in.csv")
    (tmp_path / "gold.csv").write_text(f"{folder}/,1\n{folder},0\n")
    with pytest.raises(InputError, match="row 2, column '1': study"):
        read_gold(tmp_path / "gold.csv")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(InputError, match="is empty"):
        read_gold(tmp_path / "empty.csv")
