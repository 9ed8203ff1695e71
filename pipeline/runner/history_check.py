"""History check: an extended result must keep the rows of the earlier one, bit for bit."""

from __future__ import annotations

import numpy as np

from foundation.types import Floats
from pipeline.errors import LeakError


def check_past(stage: str, before: Floats, now: Floats) -> None:
    """Refuse a result whose first rows differ from the result that it extends.

    The last known dates are recomputed together with the new ones, and compared here.

    Raises
    ------
    LeakError
        Names the first row that changed.
    """
    known = now[: len(before)]
    same = (known.view(np.int64) == before.view(np.int64)) | (np.isnan(known) & np.isnan(before))
    if not same.all():
        row = int(np.argwhere(~same)[0][0])
        raise LeakError(
            f"{stage}: its result at row {row} of {len(before)} changed when later dates were added, but it may depend "
            "only on data up to its date. tangency audit finds what looked ahead; tangency run recomputes everything"
        )
