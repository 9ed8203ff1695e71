"""Colours of the charts."""

from __future__ import annotations

import numpy as np

from pipeline.config import BASELINES

MINE, OTHER, LOSS = "#0b63b5", "#8fb3d9", "#c0392b"
BASE_COLOURS = dict(zip(BASELINES, ("#9aa5b1", "#d9822b", "#c5cdd6", "#7a9e3f", "#7d5ba6"), strict=True))
CALM_TO_TURBULENT = ((207, 232, 213), (253, 240, 196), (248, 207, 196))
"""Green, yellow and red; intermediate regimes have intermediate shades."""
TAB20 = (
    "1f77b4 aec7e8 ff7f0e ffbb78 2ca02c 98df8a d62728 ff9896 9467bd c5b0d5 "
    "8c564b c49c94 e377c2 f7b6d2 7f7f7f c7c7c7 bcbd22 dbdb8d 17becf 9edae5"
)
COLOURS = [f"#{colour}" for colour in TAB20.split()]
"""Colours of assets: matplotlib's tab20."""


def mix_shade(turbulence: float) -> str:
    """Return the colour between calm (0) and turbulent (1)."""
    mixed = (np.interp(turbulence, (0, 0.5, 1), one) for one in zip(*CALM_TO_TURBULENT, strict=True))
    return "#{:02x}{:02x}{:02x}".format(*map(int, mixed))
