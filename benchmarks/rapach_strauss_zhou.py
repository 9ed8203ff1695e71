"""Combination forecasts of the quarterly US equity premium against the published table.

    .venv/bin/python benchmarks/rapach_strauss_zhou.py PATH/TO/predictors_quarterly.csv

Rapach, Strauss and Zhou (2010), "Out-of-sample equity premium prediction", table 1, out-of-sample 1965:1 to 2005:4:
mean 3.58 %, median 3.04 %, trimmed mean 3.51 %, DMSPE (discount 1.0) 3.54 %, (0.9) 3.49 %. The file is Goyal and
Welch's table of quarterly predictors, of which later vintages have been revised, so that small gaps are expected; and a
predictor beyond five standard deviations (the stock variance of 1987) is clipped here, which costs 0.2 %.
Their DMSPE weights start from a holdout before the first forecast; ours start from blocks inside the first
training window.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from models.dataset import Dataset
from models.univariate import Univariate
from validation.walk_forward import WalkForward

PUBLISHED = {"mean": 3.58, "median": 3.04, "trimmed": 3.51, "dmspe": 3.54}


def premium_and_predictors(path: Path) -> tuple[pd.Series, pd.DataFrame]:
    """Return the equity premium and the 15 predictors, 1947:1 to 2005:4."""
    table = pd.read_csv(path)
    quarter = table.iloc[:, 0].astype(int).astype(str)
    table.index = pd.PeriodIndex(quarter.str[:4] + "Q" + quarter.str[4:], freq="Q")
    q = table.apply(pd.to_numeric, errors="coerce")
    premium = np.log1p(q["CRSP_SPvw"]) - np.log1p(q["Rfree"])
    predictors = pd.DataFrame(
        {
            "dp": np.log(q.D12) - np.log(q.Index),
            "dy": np.log(q.D12) - np.log(q.Index.shift()),
            "ep": np.log(q.E12) - np.log(q.Index),
            "de": np.log(q.D12) - np.log(q.E12),
            "svar": q.svar,
            "bm": q["b/m"],
            "ntis": q.ntis,
            "tbl": q.tbl,
            "lty": q.lty,
            "ltr": q.ltr,
            "tms": q.lty - q.tbl,
            "dfy": q.BAA - q.AAA,
            "dfr": q.corpr - q.ltr,
            "infl": q.infl.shift(1),
            "ik": q["ik"],
        }
    )
    return premium["1947Q1":"2005Q4"], predictors["1947Q1":"2005Q4"]  # type: ignore[misc]


def main(path: Path) -> None:
    premium, predictors = premium_and_predictors(path)
    # A row is the beginning of a quarter: the predictors of the quarter before are known, and the premium that the
    # quarter brings is known at its end, before the next row.
    y = premium.to_numpy()[1:, None]
    n = len(y)
    data = Dataset(
        predictors.to_numpy()[:-1, None, :],
        y,
        np.arange(n),
        np.ones((n, 1), dtype=bool),
        tuple(predictors.columns),
        False,
    )
    first = int(premium.index.get_loc(pd.Period("1965Q1"))) - 1
    folds = WalkForward(data.ends, first_test=first, refit_every=1).folds()
    history = np.array([premium.to_numpy()[: t + 1].mean() for t in range(n)])
    told = slice(first, n)
    base = ((y[told, 0] - history[told]) ** 2).sum()
    print(f"{'combination':>12} {'ours':>8} {'published':>10}   (out-of-sample R2, 1965:1 to 2005:4)")
    for method, published in PUBLISHED.items():
        walk = Univariate(combine=method).walk_forward(method, data, folds)
        r2 = 1 - ((y[told, 0] - walk.raw[told, 0]) ** 2).sum() / base
        print(f"{method:>12} {100 * r2:>6.2f} % {published:>8.2f} %")


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1]).exists():
        sys.exit("skipped: give the path of Goyal and Welch's quarterly predictors (CSV)")
    main(Path(sys.argv[1]))
