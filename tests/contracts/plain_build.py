"""Every feature over a whole panel at once, one after the other: slow, obvious, and without tiles."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from features.catalogue import catalogue, order_features
from features.library.returns import wealth
from features.spec import FeatureSpec
from foundation.types import Floats
from market.panel import Panel


def compute_plainly(
    panel: Panel, specs: Mapping[str, FeatureSpec] | None = None, over: str = "ignore"
) -> dict[str, Floats]:
    """Return each feature (T, N) or (T,), NaN where it is not warm or an asset is not listed.

    Parameters
    ----------
    panel : Panel
        With everything that the features need.
    specs : mapping of str to FeatureSpec, optional
        By default all that are registered.
    over : {"ignore", "raise"}
        What numpy does on overflow.
    """
    specs = catalogue() if specs is None else specs
    with np.errstate(all="ignore", over=over):
        values = {
            "returns": panel.returns,
            "log_returns": np.log(np.maximum(1.0 + panel.returns, 1e-6)),
            "excess": panel.returns - panel.cash[:, None],
            "level": wealth(panel.returns),
            "market": panel.market,
            "cash": panel.cash,
            "volume": panel.volume,
            **panel.bars,
            "month": panel.month,
            **{name: series.at(panel.dates) for name, series in panel.macro.items()},
        }
        warm = {}
        for name in order_features(specs, list(specs), set(panel.macro)):
            one = specs[name]
            own = max(one.history(panel.month) - 1, 0)
            warm[name] = max((warm.get(i, 0) for i in one.inputs), default=0) + own
            value = np.array(one.kernel(**{i: values[i] for i in one.inputs}), dtype=np.float64)
            value[: warm[name]] = np.nan
            if value.ndim == 2:
                value[~panel.listed] = np.nan
            values[name] = value
    return {name: values[name] for name in specs}
