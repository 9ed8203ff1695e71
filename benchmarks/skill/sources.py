"""Sources of the board's panels: packaged ones, and files of a shared folder that are there or are left out.

Files that Tangency does not read as they are (several files of one panel, dates as yyyymm, price relatives without
dates) are rewritten as CSV beside the board's other results.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
SHARED = next(
    (folder for up in ROOT.parents if (folder := up / "shared" / "data").is_dir()),
    ROOT.parent / "shared" / "data",
)
"""Folder of real panels beside the project or above it."""
PACKAGED = ("industries", "stocks", "classes")
_MISSING = (-99.99, -999.0)
"""Codes of a missing return in percent in the files of Kenneth R. French."""
_SPANS = {
    "msci": ("2006-04-01", "2010-03-31"),
    "nyse-n": ("1985-01-01", "2010-06-30"),
    "nyse-o": ("1962-07-03", "1984-12-31"),
    "sp500": ("1998-01-02", "2003-01-31"),
    "tse": ("1994-01-04", "1998-12-31"),
}
"""First and last day of the panels without dates, as the literature on online portfolio selection states them: Li and
Hoi (2014), ACM Computing Surveys 46. Their DJIA panel, 507 days, is too short to train and judge on."""


class MissingDataError(Exception):
    """A file of the shared folder is not there, or cannot be read without a library that is not installed."""


def data_section(name: str, folder: Path) -> dict[str, Any]:
    """Return the section `data` of a panel's configuration; rewritten files go to a folder.

    Raises
    ------
    MissingDataError
        If its file is not there.
    """
    return {"source": name} if name in PACKAGED else _FILES[name](folder)


def panel_names() -> tuple[str, ...]:
    """Return the names of all panels, whether their files are there or not."""
    return (*PACKAGED, *_FILES)


def _find(path: str) -> Path:
    found = SHARED / path
    if not found.exists():
        raise MissingDataError(f"{found} is not there")
    return found


def _etf(path: str) -> Callable[[Path], dict[str, Any]]:
    return lambda folder: {"path": str(_find(path))}


def _eight_classes(folder: Path) -> dict[str, Any]:
    path = _find("classes/eight_classes_monthly_levels.csv")
    return {"path": str(path), "cash": {"column": "T-bill", "values": "prices"}}


def _ten_industries(monthly: bool) -> Callable[[Path], dict[str, Any]]:
    def write(folder: Path) -> dict[str, Any]:
        returns = pd.read_csv(_find("french/ten_industries_daily_percent.csv"), index_col=0)
        factors = pd.read_csv(_find("french/three_factors_daily_percent.csv"), index_col=0)
        percent = returns.join(factors["RF"], how="inner")
        table = percent.mask(percent.isin(_MISSING)) / 100
        settings: dict[str, Any] = {"cash": "RF", "values": "returns"}
        if monthly:  # a month compounds its days; a day without a return earns nothing
            ends = pd.DatetimeIndex(table.index) + pd.offsets.MonthEnd(0)
            table = (1 + table).groupby(ends.rename("date")).prod(min_count=1) - 1
        return {
            "path": _write(table, folder, f"ten-industries-{'monthly' if monthly else 'daily'}"),
            **settings,
        }

    return write


def _ragged(folder: Path) -> dict[str, Any]:
    return {"path": str(_find("ragged/stocks20_daily_ragged.csv"))}


def _goyal_welch(folder: Path) -> dict[str, Any]:
    """Return stocks and long-term government bonds, and the riskless rate as cash, monthly from 1926."""
    table = pd.read_csv(_find("goyal_welch/predictors_monthly.csv"), index_col=0)
    table.index = pd.to_datetime(table.index.astype(str), format="%Y%m").to_period("M").to_timestamp("M")
    table.index = table.index.normalize().rename("date")
    kept = table[["CRSP_SPvw", "ltr", "Rfree"]].dropna()
    kept = kept.rename(columns={"CRSP_SPvw": "Stocks", "ltr": "Bonds", "Rfree": "RF"})
    return {"path": _write(kept, folder, "goyal-welch"), "cash": "RF", "values": "returns"}


def _olps(which: str) -> Callable[[Path], dict[str, Any]]:
    def write(folder: Path) -> dict[str, Any]:
        relatives = _read_relatives(_find(f"olps/{which}.mat"))
        prices = np.vstack([np.ones(relatives.shape[1]), np.cumprod(relatives, axis=0)])
        dates = _spread_dates(*_SPANS[which], len(prices))
        names = [f"{which}-{i + 1:02d}" for i in range(relatives.shape[1])]
        table = pd.DataFrame(prices, index=pd.Index(dates, name="date"), columns=names)
        return {"path": _write(table, folder, which)}

    return write


def _spread_dates(first: str, last: str, n: int) -> pd.DatetimeIndex:
    """Return n synthetic dates: weekdays of a span, those that are too many left out at equal distances.

    They are within days of the true ones, which the files do not hold. What shares a year with another panel so does.
    """
    weekdays = pd.bdate_range(first, last)
    if len(weekdays) < n:
        weekdays = pd.bdate_range(first, periods=n)
    return weekdays[np.linspace(0, len(weekdays) - 1, n).round().astype(int)]


def _read_relatives(path: Path) -> np.ndarray:
    """Return the price relatives of a MATLAB file, shape (T, N): version 5, or version 7.3, which is HDF5."""
    from scipy.io import loadmat

    try:
        return np.asarray(loadmat(path)["data"], dtype=float)
    except NotImplementedError:
        try:
            import h5py
        except ModuleNotFoundError as error:
            raise MissingDataError(f"{path} is read with h5py (benchmarks/requirements.txt)") from error
        with h5py.File(path) as file:
            return np.asarray(file["data"], dtype=float).T


def _write(table: pd.DataFrame, folder: Path, name: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.csv"
    text = table.to_csv()
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
    return str(path)


_FILES: dict[str, Callable[[Path], dict[str, Any]]] = {
    "etf8": _etf("etf/etf8_adjusted_daily.csv"),
    "etf12": _etf("etf/etf12_adjusted_daily.csv"),
    "eight-classes": _eight_classes,
    "ten-industries-monthly": _ten_industries(True),
    "ten-industries-daily": _ten_industries(False),
    "ragged": _ragged,
    "goyal-welch": _goyal_welch,
    **{which: _olps(which) for which in _SPANS},
}
