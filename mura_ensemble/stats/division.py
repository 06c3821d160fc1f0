"""Division where nothing over nothing is undefined, not an error."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def ratio(numerator: ArrayLike, denominator: ArrayLike) -> NDArray[np.float64]:
    """Divide, with NaN and no warning where the denominator is zero.

    Parameters
    ----------
    numerator, denominator
        Broadcastable arrays.

    Returns
    -------
    NDArray[np.float64]
        Their quotient, of the broadcast shape.
    """
    above, below = np.broadcast_arrays(
        np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    )
    out = np.full(above.shape, np.nan)
    np.divide(above, below, out=out, where=below != 0)
    return out
