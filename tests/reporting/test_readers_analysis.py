"""A reader study from frames to frames."""

import numpy as np
import pandas as pd
import pytest

from mura_ensemble.data.errors import InputError
from mura_ensemble.reporting.readers import study_readers
from mura_ensemble.stats.agreement import fleiss_kappa
from mura_ensemble.stats.clustered import clustered_kappa_intervals
from mura_ensemble.stats.panel import every_panel
from mura_ensemble.stats.panel_gold import all_panels


@pytest.fixture(scope="module")
def frames():
    rng = np.random.default_rng(21)
    truth = rng.random(150) < 0.45
    index = pd.Index([f"s{i:03}" for i in range(150)], name="study")
    reads = (truth[:, None] ^ (rng.random((150, 5)) < 0.12)).astype(float)
    probability = np.clip(0.5 + 0.5 * (truth - 0.5) + 0.2 * rng.normal(size=150), 0, 1)
    return (
        pd.DataFrame(reads, index, [f"r{j}" for j in range(5)]),
        pd.DataFrame({"net": (probability > 0.5).astype(float)}, index),
        pd.DataFrame({"net": probability}, index),
        pd.Series([f"p{i // 2}" for i in range(150)], index),
    )


def test_every_panel_is_the_statistics_below(frames):
    reads, calls, probabilities, patients = frames
    study = study_readers(reads, calls, patients=patients, probabilities=probabilities, resamples=200)
    found = every_panel(reads, calls, all_panels(5, 3), patients=patients, resamples=200)
    assert study.models.loc["net", "difference"] == found.overall[0]
    np.testing.assert_array_equal(study.contrasts["low"], found.contrast_low[0])
    assert len(study.panels) == 10 * 6
    assert (study.readers["bias"] > 0).all()
    assert study.models.loc["net", "best_low"] <= study.models.loc["net", "best_difference"]
    assert study.models.loc["net", "best_difference"] == study.contrasts["difference"].min()
    assert study.operating.empty  # a curve needs one gold standard
    assert study.agreement.loc["Fleiss' kappa", "estimate"] == fleiss_kappa(reads).coefficient


def test_without_patients_the_agreement_keeps_its_own_standard_error(frames):
    study = study_readers(frames[0], resamples=200)
    own = fleiss_kappa(frames[0])
    assert study.agreement.loc["Fleiss' kappa", "se"] == pytest.approx(own.se)
    assert study.models.empty
    assert study.contrasts.empty


def test_members_of_a_fixed_panel_are_marked_and_compared_with_nobody(frames):
    reads, calls, probabilities, patients = frames
    study = study_readers(
        reads, calls, patients=patients, probabilities=probabilities, panel=("r0", "r1", "r2"), resamples=200
    )
    assert list(study.readers.index[study.readers["in_panel"]]) == ["r0", "r1", "r2"]
    assert list(study.contrasts["reader"]) == ["r3", "r4"]
    assert list(study.operating["reader"]) == ["r3", "r4"]
    assert study.readers.loc[["r0", "r1", "r2"], "kappa"].isna().all()
    assert (study.readers["bias"] > 0).all()
    assert study.models.loc["net", "readers"] == 2


def test_a_gold_standard_of_its_own(frames):
    reads, calls, _, patients = frames
    gold = reads.iloc[:, 4].copy()
    gold.iloc[:20] = np.nan
    study = study_readers(reads.iloc[:, :4], calls, patients=patients, gold=gold, resamples=200)
    part = every_panel(reads.iloc[20:], calls.iloc[20:], [[4]], resamples=1)
    np.testing.assert_allclose(study.contrasts["difference"], part.contrast[0, :4])
    limits = clustered_kappa_intervals(
        gold[20:].astype(int), calls.to_numpy()[20:], clusters=np.arange(150)[20:] // 2, resamples=200
    )
    assert study.models.loc["net", "low"] == pytest.approx(limits.low[0, 0], abs=0.02)
    assert any("20 of 150" in note for note in study.notes)


def test_three_random_readers_of_twelve():
    rng = np.random.default_rng(1)
    truth = rng.random(300) < 0.4
    reads = np.full((300, 12), np.nan)
    for row, seats in enumerate(np.argsort(rng.random((300, 12)), axis=1)[:, :3]):
        reads[row, seats] = truth[row] ^ (rng.random(3) < 0.1)
    study = study_readers(pd.DataFrame(reads).rename(columns="r{}".format), resamples=200, size=3)
    assert "a panel of 2 of the other readers" in study.design
    assert study.kind == "random"
    assert study.readers["kappa"].notna().all()
    assert study.panels.empty


def test_nobody_left_to_compare(frames):
    with pytest.raises(InputError, match="all readers sit in the panel"):
        study_readers(frames[0], panel=tuple(frames[0].columns))
    with pytest.raises(InputError, match="two readers"):
        study_readers(frames[0].iloc[:, :1])
    apart = frames[0].where(np.eye(5, dtype=bool)[np.arange(150) % 5])
    with pytest.raises(InputError, match="share no studies"):
        study_readers(apart)


def test_no_interval_is_without_width(frames):
    reads, _, _, patients = frames
    twin = reads[["r0"]].rename(columns={"r0": "twin"})
    study = study_readers(reads, twin, gold=reads["r0"], patients=patients, resamples=200)
    assert study.readers.loc["r0", "kappa"] == 1
    assert study.readers.loc["r0", "low"] < 1
    contrast = study.contrasts.set_index("reader").loc["r0"]
    assert contrast["difference"] == 0
    assert np.isnan(contrast["low"])


def test_p_values_pay_for_all_models_and_nothing_is_claimed_that_these_readers_do_not_show(frames):
    reads, calls, _, patients = frames
    many = pd.DataFrame({f"m{k}": np.roll(calls["net"], k * 7) for k in range(4)}, calls.index).assign(
        net=calls["net"]
    )
    alone = study_readers(reads, calls, patients=patients, resamples=400)
    study = study_readers(reads, many, patients=patients, resamples=400)
    one = study.contrasts.loc["net", "p_adjusted"].to_numpy()
    assert (one >= alone.contrasts["p_adjusted"].to_numpy() - 1e-12).all()
    for _, row in study.models.iterrows():
        if row["noninferior"]:
            assert min(row["diff_low"], row["population_low"]) > -study.margin


def test_readers_without_an_outside_panel_are_not_counted_as_undefined(frames):
    reads, calls, _, patients = frames
    study = study_readers(reads, calls, patients=patients, panel=("r0", "r1", "r2"), resamples=200)
    assert not any("undefined" in note for note in study.notes)


def test_the_order_of_the_studies_decides_nothing(frames):
    reads, calls, probabilities, patients = frames
    study = study_readers(reads, calls, patients=patients, probabilities=probabilities, resamples=200)
    turned = [frame.iloc[::-1] for frame in (calls, probabilities, patients)]
    other = study_readers(reads, turned[0], patients=turned[2], probabilities=turned[1], resamples=200)
    pd.testing.assert_frame_equal(study.models, other.models)


def test_other_studies_are_refused(frames):
    reads, calls, _, patients = frames
    with pytest.raises(InputError, match="calls: study s000 is not both here and among the reads"):
        study_readers(reads, calls.iloc[1:], patients=patients, resamples=200)
