import numpy as np
import pytest

from mura_ensemble.published import legacy_interval, load_published_board, load_published_readers
from mura_ensemble.stats.kappa.cohen import cohen_kappa


def test_the_papers_baseline_to_printed_precision():
    # 75 of 92 abnormal and 102 of 115 normal right: the abstract's .815 and .887, the table's 0.705 (0.700, 0.710).
    made = legacy_interval([[102, 13], [17, 75]])
    assert [round(float(x), 3) for x in (made.kappa, made.lower, made.upper)] == [0.705, 0.7, 0.71]


def test_the_slip_is_the_variance_in_the_place_of_the_standard_error():
    table = np.array([[102, 13], [17, 75]])
    n, pa = 207, 177 / 207
    pe = (92 * 88 + 115 * 119) / n**2
    made = legacy_interval(table)
    assert made.kappa == pytest.approx((pa - pe) / (1 - pe), abs=1e-15)
    assert made.upper - made.kappa == pytest.approx(1.96 * pa * (1 - pa) / (n * (1 - pe) ** 2), abs=1e-15)
    assert made.kappa == pytest.approx(cohen_kappa(table), abs=1e-15)


def test_undefined_is_nan_and_perfect_has_no_width():
    made = legacy_interval([[[9, 0], [0, 0]], [[9, 0], [0, 4]], [[0, 0], [0, 0]]])
    assert np.isnan(made.kappa[[0, 2]]).all()
    assert np.isnan(made.lower[[0, 2]]).all()
    assert made.kappa[1] == made.lower[1] == made.upper[1] == 1


@pytest.mark.parametrize("bad", [[[1, 2]], [[1, -1], [0, 3]], [[1, np.nan], [0, 3]]])
def test_what_is_no_table_is_refused(bad):
    with pytest.raises(ValueError, match="2, 2"):
        legacy_interval(bad)


def test_packaged_files():
    board, readers = load_published_board(), load_published_readers()
    assert board.shape == (84, 28)
    assert board.index.tolist() == list(range(1, 85))
    assert (board["model"] == "null").sum() == 3
    # Shown kappa = overall kappa, in a page that shows three digits.
    assert (board["kappa"] - board["overall_kappa"]).abs().max() < 5.1e-4
    assert board["rank"].max() == 70
    assert readers.index.get_level_values("rater").nunique() == 4
    assert readers.loc[("Radiologist 3", "overall"), "kappa"] == 0.778
