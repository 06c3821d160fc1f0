"""A reader study from frames to frames."""

from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score

from mura_ensemble.comparison.reader_study.study import study_readers
from mura_ensemble.data.errors import InputError
from mura_ensemble.data.numbers import estimate, signed_interval
from mura_ensemble.report.document.blocks import Drawing, render_markdown, render_page
from mura_ensemble.report.pages.readers.page import reader_page, reader_verdict
from mura_ensemble.report.pages.readers.verdict import model_claims, reader_headline
from mura_ensemble.stats.agreement.coefficients import fleiss_kappa
from mura_ensemble.stats.kappa.clustered import clustered_kappa_intervals
from mura_ensemble.stats.reader_study.alternative import alternative_test
from mura_ensemble.stats.reader_study.panel import every_panel
from mura_ensemble.stats.reader_study.panel_gold import all_panels, others_gold


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


def codes(study):
    return [item.code for item in study.checks]


def test_the_bias_of_a_seat_follows_the_rule_of_the_panel(frames):
    """What a seat adds under a unanimous rule is not what it adds under a majority."""
    reads, calls, _, patients = frames
    panel = ("r0", "r1", "r2")
    study = study_readers(reads, calls, patients=patients, panel=panel, rule="unanimous", resamples=200)
    whole = every_panel(reads, calls, all_panels(5, 3), patients=patients, rule="unanimous", resamples=200)
    np.testing.assert_array_equal(study.readers["bias"], whole.bias)
    assert study.ranges.loc["net", "panels"] == 10
    assert study.ranges.loc["r0", "highest"] == np.nanmax(
        np.where(whole.inside[:, 0], np.nan, whole.kappa[:, 0])
    )


def test_an_adjudication_completes_the_panel_or_overrides_it(frames):
    reads, calls, _, patients = frames
    final = reads["r4"].where(np.arange(150) < 60)
    settings = {"patients": patients, "panel": ("r0", "r1", "r2"), "rule": "unanimous", "resamples": 200}
    alone = study_readers(reads, calls, **settings)
    completed = study_readers(reads, calls, adjudicated=final, **settings)
    override = study_readers(reads, calls, adjudicated=final, adjudicates="all", **settings)
    assert "ME102" in codes(alone)
    assert "unanimous vote, else adjudication" in completed.design
    assert override.design.startswith("adjudication, else unanimous vote")
    three = reads[["r0", "r1", "r2"]].mean(axis=1)
    votes = three.where(three.isin([0, 1]))
    by_hand = study_readers(
        reads, calls, patients=patients, gold=final.fillna(votes), made_by=("r0", "r1", "r2"), resamples=200
    )
    np.testing.assert_allclose(override.contrasts["difference"], by_hand.contrasts["difference"])
    assert list(by_hand.readers["in_panel"]) == [True] * 3 + [False] * 2
    with pytest.raises(InputError, match="completes named panels"):
        study_readers(reads, calls, size="others", adjudicated=final)


def test_leave_one_out_majority(frames):
    reads, calls, _, patients = frames
    study = study_readers(reads, calls, patients=patients, size="others", resamples=200)
    panels_of_four = every_panel(reads, calls, all_panels(5, 4), resamples=1)
    np.testing.assert_allclose(study.readers["kappa"], panels_of_four.mean[:5])
    assert study.kind == "others"
    assert study.ranges.empty


def test_reads_that_the_others_leave_undecided_are_counted(frames):
    reads, calls, _, patients = frames
    study = study_readers(reads, calls, patients=patients, size="others", resamples=200)
    decided = (~np.isnan(others_gold(reads.to_numpy()))).sum(axis=0)
    assert (decided < 150).all()
    np.testing.assert_array_equal(study.readers["decided"], decided)
    lost = f"{5 * 150 - decided.sum()} of 750 reads have no decided gold standard (the other readers tie, or nobody"
    assert "ME102" in codes(study)
    page = reader_page(study)
    for text in ("\n".join(reader_verdict(study)), render_markdown(page)):
        assert lost in text
    assert f"150 ({decided[0]} decided)" in render_markdown(page)
    settled = study_readers(reads, calls, patients=patients, size="others", ties="abnormal", resamples=200)
    assert "ME102" not in codes(settled)
    assert "decided)" not in render_markdown(reader_page(settled))
    even = study_readers(reads, calls, patients=patients, size=2, resamples=200)
    assert "panels tie or lack reads" in next(item.sentence for item in even.checks if item.code == "ME102")
    drawn = reads.where(np.random.default_rng(3).random(reads.shape) < 0.3)
    random = study_readers(drawn, size=1, resamples=200)
    assert random.kind == "random"
    np.testing.assert_array_equal(
        random.readers["decided"], (drawn.notna() & (drawn.notna().sum(axis=1) > 1).to_numpy()[:, None]).sum()
    )
    assert "too few others read" in next(item.sentence for item in random.checks if item.code == "ME102")


@pytest.mark.parametrize("how", ["others", "gold"])
def test_a_reader_of_studies_of_one_class_is_in_no_range_and_no_mean(frames, how):
    reads, calls, _, patients = frames
    normal = (reads.sum(axis=1) == 0).to_numpy()
    only = pd.Series(np.where(normal, np.arange(150) % 5 == 0, np.nan), reads.index)
    gold = (reads.sum(axis=1) > 2).astype(float) if how == "gold" else None
    settings = {"patients": patients, "size": "others", "gold": gold, "resamples": 200}
    study = study_readers(reads.assign(zoe=only), calls, **settings)
    assert cohen_kappa_score(only[normal], np.zeros(normal.sum())) == 0, "whatever he saw"
    assert study.readers.loc["zoe", ["kappa", "low", "high"]].isna().all()
    assert "zoe" not in set(study.contrasts["reader"])
    assert study.models.loc["net", "readers"] == 5
    if gold is not None:
        without = study_readers(reads, calls, **settings)
        assert study.models.loc["net", "difference"] == without.models.loc["net", "difference"]
    said = "\n".join(reader_verdict(study))
    assert "The kappa of zoe is undefined" in said
    assert "(zoe)" not in said
    assert "undefined (one class)" in render_markdown(reader_page(study))
    sure = study_readers(reads.assign(zoe=only), calls, figure="accuracy", **settings)
    assert 0 < sure.readers.loc["zoe", "accuracy"] < 1, "accuracy is defined of one class too"


def test_another_figure_of_merit_names_its_columns(frames):
    reads, calls, _, patients = frames
    named = study_readers(reads, calls, patients=patients, figure="accuracy", resamples=200)
    found = every_panel(reads, calls, all_panels(5, 3), figure="accuracy", resamples=1)
    np.testing.assert_allclose(named.readers["accuracy"], found.mean[:5])
    assert "Accuracy 0." in render_markdown(reader_page(named))

    def right(tables):
        return np.trace(tables, axis1=-2, axis2=-1) / tables.sum(axis=(-2, -1))

    own = study_readers(reads, calls, patients=patients, figure=right, resamples=200)
    np.testing.assert_allclose(own.models["right"], named.models["accuracy"])


def test_pairs_and_the_alternative_test_are_those_below(frames):
    reads, calls, _, patients = frames
    study = study_readers(reads, calls, patients=patients, epsilon=0.1, resamples=200)
    assert len(study.pairs) == 10
    first = study.pairs.iloc[0]
    assert first["kappa"] == pytest.approx(cohen_kappa_score(reads["r0"], reads["r1"]))
    assert first["low"] < first["kappa"] < first["high"]
    test = alternative_test(calls["net"], reads, patients=patients, epsilon=0.1)
    np.testing.assert_array_equal(study.alternative["p"], test.p)
    assert study.models.loc["net", "winning_rate"] == study.alternative["replaced"].mean()


def _large(error, n=400, seed=5):
    rng = np.random.default_rng(seed)
    truth = rng.random(n) < 0.45
    index = pd.Index([f"s{i}" for i in range(n)], name="study")
    reads = pd.DataFrame((truth[:, None] ^ (rng.random((n, 5)) < 0.12)).astype(float), index).add_prefix("r")
    call = (truth ^ (rng.random(n) < error)).astype(float)
    gold = pd.Series(truth.astype(float), index)
    return reads, pd.DataFrame({"net": call}, index), gold


@pytest.mark.parametrize(
    ("error", "claim", "sentence"),
    [
        (0.01, "better", "net agrees with the gold standard better than readers like these."),
        (
            0.11,
            "open",
            "The model is not shown to be as good as readers like these, within 0.05 of kappa, nor",
        ),
        (0.30, "worse", "within 0.05 of kappa; it is shown to be worse."),
    ],
)
def test_claims_need_both_tests(error, claim, sentence):
    reads, calls, gold = _large(error)
    study = study_readers(reads, calls, gold=gold, resamples=400)
    assert list(model_claims(study)) == [claim]
    assert sentence in reader_headline(study)
    row = study.models.loc["net"]
    if claim != "open":
        assert max(row["p_adjusted"], row["population_p_adjusted"]) < 0.05
    fitted = study_readers(reads, calls, gold=gold, resamples=400, apparent=("net",))
    assert list(model_claims(fitted)) == ["open"]
    assert not fitted.models["noninferior"].any()
    assert "ME015" in codes(fitted)
    few = study_readers(reads[:60], calls[:60], gold=gold[:60], resamples=400)
    assert list(model_claims(few)) == ["open"]
    assert "60 patients are too few" in reader_headline(few)


def test_non_inferiority_pays_for_several_models():
    reads, calls, gold = _large(0.09)
    many = calls.assign(**{f"other{k}": np.roll(calls["net"], 7 * k) for k in range(1, 6)})
    alone = study_readers(reads, calls, gold=gold, margin=0.1, resamples=400).models.loc["net"]
    among = study_readers(reads, many, gold=gold, margin=0.1, resamples=400).models.loc["net"]
    assert among["p_noninferior_adjusted"] == pytest.approx(6 * alone["p_noninferior_adjusted"])
    assert among["population_low"] == alone["population_low"]


DEGENERATE = {
    "all normal": lambda r, c: (r * 0, c * 0, {}),
    "all normal, no model": lambda r, c: (r * 0, None, {}),
    "an idle reader": lambda r, c: (r.assign(r2=np.nan), c, {}),
    "an idle reader, the others": lambda r, c: (r.assign(r2=np.nan), c, {"size": "others"}),
    "studies nobody read": lambda r, c: (r.where(pd.Series(np.arange(40) > 9, r.index), axis=0), c, {}),
    "twins": lambda r, c: (r.assign(r2=r["r1"]), c.assign(net=r["r0"]), {}),
    "gold of one class": lambda r, c: (r, c, {"gold": r["r0"] * 0}),
    "the model is the gold standard": lambda r, c: (r, c, {"gold": c["net"]}),
    "one study": lambda r, c: (r[:1], c[:1], {}),
    "one patient": lambda r, c: (r, c, {"patients": pd.Series("p", r.index)}),
    "two readers": lambda r, c: (r[["r0", "r1"]], c, {"size": 1}),
    "names": lambda r, c: (r.rename(columns={"r0": "<b>|$x$"}), c, {"panel": ("<b>|$x$",)}),
    "a model of few calls": lambda r, c: (r, c.where(pd.Series(np.arange(40) < 3, c.index), axis=0), {}),
}


@pytest.mark.parametrize("what", DEGENERATE)
def test_degenerate_studies_give_a_page_and_no_claim_without_ground(what, frames):
    reads, calls, settings = DEGENERATE[what](frames[0][:40], frames[1][:40])
    study = study_readers(reads, calls, resamples=200, **settings)
    page = reader_page(study)
    html, text = render_page(page), render_markdown(page)
    assert "nan" not in text.lower().replace("nance", "")
    assert "<b>|" not in html
    assert reader_verdict(study)
    assert not (model_claims(study) != "open").any()
    assert "ME014" in codes(study)
    for frame in (study.readers, study.contrasts, study.pairs, study.agreement):
        width = frame["high"] - frame["low"]
        assert not (width == 0).any()


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("all normal", "ME006"),
        ("all normal", "ME007"),
        ("an idle reader", "ME104"),
        ("studies nobody read", "ME104"),
        ("twins", "ME005"),
        ("the model is the gold standard", "ME019"),
        ("one patient", "ME010"),
        ("one study", "ME016"),
        ("names", "ME002"),
        ("a model of few calls", "ME004"),
    ],
)
def test_what_is_odd_is_said_with_a_code(what, code, frames):
    reads, calls, settings = DEGENERATE[what](frames[0][:40], frames[1][:40])
    assert code in codes(study_readers(reads, calls, resamples=200, **settings))


def test_the_page_shows_what_the_tables_hold(frames):
    reads, calls, probabilities, patients = frames
    study = study_readers(
        reads, calls, patients=patients, probabilities=probabilities, panel=("r0", "r1", "r2"), resamples=200
    )
    text = render_markdown(reader_page(study, simulated=True))
    assert "Simulated data" in text
    for frame, column in ((study.models, "kappa"), (study.ranges, "mean"), (study.agreement, "estimate")):
        for value in frame[column].dropna():
            assert estimate(value) in text
    for _, row in study.contrasts.iterrows():
        assert signed_interval(row["low"], row["high"]) in text
    drawings = [b for s in reader_page(study).sections for b in s.blocks if isinstance(b, Drawing)]
    assert [drawing.name for drawing in drawings] == ["differences", "panels", "roc"]
    again = [b for s in reader_page(study).sections for b in s.blocks if isinstance(b, Drawing)]
    assert [drawing.svg for drawing in drawings] == [drawing.svg for drawing in again]
    for drawing in drawings:
        ET.fromstring(drawing.svg)
        assert "nan" not in drawing.svg
    roc = drawings[2].svg
    assert f"AUROC {estimate(study.areas.loc['net', 'auroc'])}" in roc
    assert roc.count(">r3<") == 1
    assert ">r0<" not in roc  # made the gold standard


def test_many_models_are_drawn_by_their_means(frames):
    reads, calls, _, patients = frames
    many = pd.DataFrame({f"m{k:02}": np.roll(calls["net"], k) for k in range(20)}, calls.index)
    study = study_readers(reads, many, patients=patients, resamples=200)
    page = reader_page(study)
    drawing = next(b for s in page.sections for b in s.blocks if isinstance(b, Drawing))
    assert "m19" in drawing.svg
    assert ">r1<" not in drawing.svg
    assert "16 more stand in the table below" in render_markdown(page)
