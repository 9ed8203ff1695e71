"""Univariate forecasts of the quarterly US equity premium and their combinations, compared with a published table.

    .venv/bin/python benchmarks/rapach_strauss_zhou.py PATH/TO/predictors_quarterly.csv [SETTINGS.yaml]

The experiment of Rapach, Strauss and Zhou (2010), table 1, with the classes of the pipeline; the settings are in
rapach_strauss_zhou.yaml beside this file. `docs/published_table.md` has the table and the differences.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from foundation.types import Floats
from models.combination import combine_walks
from models.dataset import Dataset
from models.dispatch import walk_forward
from models.linear.univariate import Univariate
from models.target import Target
from validation.folds.labels import Labels
from validation.folds.walk_forward import WalkForward
from validation.forecasts.forecast_tests import clark_west
from validation.forecasts.scores import historical_mean, r2_out_of_sample

Settings = dict[str, Any]

SETTINGS = Path(__file__).with_suffix(".yaml")


@dataclass(frozen=True)
class Forecasts:
    """Forecasts and outcomes of each quarter, all of shape (T, 1); NaN without a forecast.

    A row is a quarter. `first_test` is the first row of the evaluation.
    """

    realised: Floats
    benchmark: Floats
    forecasts: dict[str, Floats]
    first_test: int

    def scores(self, name: str) -> tuple[float, float, float]:
        """Return the out-of-sample R2 in per cent, Clark and West's statistic and its one-sided p-value."""
        y, b, f = (
            values[self.first_test :] for values in (self.realised, self.benchmark, self.forecasts[name])
        )
        test = clark_west(f, y, b)
        return 100 * r2_out_of_sample(f, y, b), test.t, test.p_greater


def quarters(path: Path, settings: Settings) -> pd.DataFrame:
    """Return the file as numbers, by quarter."""
    table = pd.read_csv(path)
    text = table.pop(settings["file"]["date"]).astype(int).astype(str)
    table.index = pd.PeriodIndex(text.str[:4] + "Q" + text.str[4:], freq="Q")
    return table.apply(pd.to_numeric, errors="coerce")


def premium_and_predictors(
    table: pd.DataFrame, settings: Settings, premium: str
) -> tuple[pd.Series, pd.DataFrame]:
    """Return the premium of each quarter of the sample, and the predictors that are known at its start."""
    columns = {name: table.eval(text) for name, text in settings["predictors"].items()}
    sample = slice(settings["first"], settings["last"])
    return table.eval(premium)[sample], pd.DataFrame(columns)[sample].shift()


def forecasts(
    premium: pd.Series, predictors: pd.DataFrame, settings: Settings, clip: float | None
) -> Forecasts:
    """Forecast each quarter with each single predictor and with all combinations, from expanding windows.

    A row is the start of a quarter: the predictors of the previous quarter are known, and the premium of the quarter
    becomes known at its end, before the next row.
    """
    y, n = premium.to_numpy()[:, None], len(premium)
    row = np.arange(n)
    usable = np.isfinite(predictors.to_numpy()).all(axis=1, keepdims=True)
    first = int(premium.index.get_loc(settings["first_forecast"]))
    folds = WalkForward(row, first_test=first, refit_every=1, first_train=int(np.argmax(usable))).folds()
    members = []
    for name in predictors:
        X = predictors[[name]].to_numpy()[:, None, :]
        data = Dataset(X, y, row, usable, (name,), relative=False)
        members.append(walk_forward(Univariate(clip=clip), name, data, folds))
    by_model = {member.model: member.raw for member in members}
    target = Target(y, np.ones_like(y), False, np.zeros(y.shape, dtype=bool))
    for name, options in settings["combinations"].items():
        by_model[name] = combine_walks(name, members, target=target, ends=row + 1, **options).raw
    history = historical_mean(Labels(y, row, row + 1, horizon=1))
    return Forecasts(y, history, by_model, int(premium.index.get_loc(settings["first_test"])))


def main(path: Path, settings: Settings) -> None:
    table, variants = quarters(path, settings), settings["variants"]
    done = {}
    for name, variant in variants.items():
        premium, predictors = premium_and_predictors(table, settings, variant["premium"])
        done[name] = forecasts(premium, predictors, settings, variant["clip"])
    main_variant = next(iter(variants))
    print(
        f"Out-of-sample R2 in %, {settings['first_test']} to {settings['last']}; Clark-West of {main_variant!r}"
    )
    heads = "".join(f"{name:>14}" for name in variants)
    print(f"{'':>14}{heads}{'published':>12}{'Clark-West':>12}{'p':>8}")
    for row in (*settings["predictors"], *settings["combinations"]):
        r2 = "".join(f"{done[name].scores(row)[0]:14.2f}" for name in variants)
        published = settings["published"].get(row)
        _, statistic, p = done[main_variant].scores(row)
        print(f"{row:>14}{r2}{'-' if published is None else f'{published:.2f}':>12}{statistic:12.2f}{p:8.3f}")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or not Path(sys.argv[1]).exists():
        sys.exit("skipped: give the path of Goyal and Welch's quarterly predictors (CSV)")
    chosen = Path(sys.argv[2]) if len(sys.argv) == 3 else SETTINGS
    main(Path(sys.argv[1]), yaml.safe_load(chosen.read_text(encoding="utf-8")))
