import numpy as np
import pandas as pd
import pytest

from mura_ensemble.data.errors import InputError
from mura_ensemble.ensembles.pooling.studies import pool_studies


def views_of(rows, study_type="wrist"):
    """Rows of (study, view, probability or None for failed)."""
    return pd.DataFrame(
        {
            "study": study,
            "view": view,
            "patient": f"patient_of_{study}",
            "study_type": study_type,
            "split": "test",
            "fold": -1,
            "logit": np.nan if value is None else np.log(value / (1 - value)),
            "probability": np.nan if value is None else value,
            "status": "failed" if value is None else "ok",
            "reason": "truncated file" if value is None else "",
        }
        for study, view, value in rows
    )


ROWS = [("b", "b/1", 0.9), ("a", "a/1", 0.2), ("a", "a/2", 0.4), ("b", "b/2", 0.5), ("b", "b/3", 0.1)]


def test_the_mean_of_the_views_is_the_probability_of_the_study():
    pooled = pool_studies({"net": views_of(ROWS)})
    assert pooled.probabilities["net"].to_dict() == pytest.approx({"a": 0.3, "b": 0.5})
    assert list(pooled.studies.columns) == ["patient", "study_type", "split"]
    assert pooled.failed_views.to_dict() == {"net": 0}


def test_the_order_of_the_views_changes_no_digit():
    shuffled = views_of(ROWS).sample(frac=1, random_state=3)
    assert pool_studies({"net": shuffled}).probabilities.equals(
        pool_studies({"net": views_of(ROWS)}).probabilities
    )


def test_a_failed_view_is_refused_by_name_unless_it_may_be_left_out():
    rows = [*ROWS, ("a", "a/3", None), ("c", "c/1", None)]
    with pytest.raises(InputError, match=r"view a/3 failed \(truncated file; 2 failed in all\).*renormalise"):
        pool_studies({"net": views_of(rows)})
    pooled = pool_studies({"net": views_of(rows)}, missing="renormalise")
    assert pooled.probabilities.loc["a", "net"] == pytest.approx(0.3)
    assert np.isnan(pooled.probabilities.loc["c", "net"])
    assert pooled.failed_views["net"] == 2


def test_backbones_on_different_studies_are_not_compared():
    with pytest.raises(InputError, match=r"different studies \(1 differ\): b is in 'one' but not in 'two'"):
        pool_studies({"one": views_of(ROWS), "two": views_of(ROWS[1:3])})


def test_backbones_must_agree_about_the_study():
    with pytest.raises(InputError, match="disagree about patient, study type or split of study a"):
        pool_studies({"one": views_of(ROWS), "two": views_of(ROWS, study_type="elbow")})


def test_unknown_pooling_and_no_backbone():
    with pytest.raises(InputError, match="pooling 'loudest' is unknown"):
        pool_studies({"net": views_of(ROWS)}, pooling="loudest")
    with pytest.raises(InputError, match="no backbone"):
        pool_studies({})


def test_a_rule_for_single_study_types():
    views = pd.concat([views_of(ROWS), views_of([("h", "h/1", 0.2), ("h", "h/2", 0.9)], study_type="hand")])
    pooled = pool_studies({"net": views}, pooling="mean,hand=max").probabilities["net"]
    assert pooled.to_dict() == pytest.approx({"a": 0.3, "b": 0.5, "h": 0.9})


@pytest.mark.parametrize(
    ("pooling", "sentence"),
    [
        ("mean,hand", "'hand' is not TYPE=RULE"),
        ("mean,hand=max,hand=mean", "once per type"),
        ("mean,hand=loudest", "pooling 'loudest' is unknown"),
        ("mean,hand=learned", "pooling 'learned' is unknown"),
    ],
)
def test_a_rule_for_single_study_types_that_cannot_be_read(pooling, sentence):
    with pytest.raises(InputError, match=sentence):
        pool_studies({"net": views_of(ROWS)}, pooling=pooling)
