"""Nearly riskless assets, such as Treasury bills: a warning that names where they are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from market.findings import Finding
from market.values.inputs import PanelInputs
from market.values.riskless import relative_volatility


def check_riskless(inputs: PanelInputs) -> Iterator[Finding]:
    """Return one finding per nearly riskless asset."""
    riskless, returns, year = inputs.riskless, inputs.listed, inputs.table.frequency.periods_per_year
    share = relative_volatility(returns, inputs.known_cash, year) if riskless.any() else returns
    for column in np.flatnonzero(riskless.any(axis=0)).tolist():
        rows = np.flatnonzero(riskless[:, column])
        first, name = inputs.table.dates[inputs.first + rows[0]], inputs.assets[column]
        typical = np.nanmedian(share[rows, column])
        text = (
            f"{inputs.source}: column {name!r}, {first:%Y-%m-%d}: nearly riskless on {len(rows)} of "
            f"{np.isfinite(returns[:, column]).sum()} dates: its volatility is {typical:.1%} of the median asset's. On "
            "these dates no model is fitted to it or forecasts it, and it is no part of the market's mean; it is "
            "expected to earn what cash earns. If it is what idle money earns, name it as data.cash instead"
        )
        yield Finding("nearly riskless", "warning", name, first, text)
