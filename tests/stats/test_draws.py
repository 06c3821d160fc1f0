"""Percentile limits of draws."""

import numpy as np

from mura_ensemble.stats.resampling.draws import percentile_limits


def test_undefined_draws_are_left_out_and_no_width_is_no_limit():
    draws = np.column_stack([np.arange(101.0), np.ones(101), np.full(101, np.nan)])
    draws = np.vstack([draws, np.full((5, 3), np.nan)])
    low, high = percentile_limits(draws, 0.9)
    np.testing.assert_allclose([low[0], high[0]], [5, 95])
    assert np.isnan([low[1:], high[1:]]).all()


def test_shape_is_that_of_one_draw_and_no_draw_has_no_limits():
    low, high = percentile_limits(np.zeros((0, 2, 3)))
    assert low.shape == high.shape == (2, 3)
    assert np.isnan(low).all()
