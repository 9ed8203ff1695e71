"""Stages of boosted trees: the trees that each number of trees to choose among adds to the one before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import lightgbm as lgb


def split_booster(booster: lgb.Booster, stages: Sequence[int]) -> tuple[lgb.Booster, ...]:
    """Return one booster per stage, which holds the trees that this stage adds.

    Parameters
    ----------
    booster : lightgbm.Booster
    stages : sequence of int
        Numbers of trees, increasing.
    """
    import lightgbm as lgb

    return tuple(
        lgb.Booster(model_str=booster.model_to_string(start_iteration=start, num_iteration=stop - start))
        for start, stop in zip([0, *stages[:-1]], stages, strict=True)
    )
