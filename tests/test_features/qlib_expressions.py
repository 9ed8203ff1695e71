"""Qlib's Alpha158 as Qlib writes it, and a slow, plain reading of its expressions.

`EXPRESSIONS` are those that `Alpha158DL.get_feature_config` of `qlib/contrib/data/loader.py` gives by default
(Qlib 0.9.7). `WITHOUT_UNITS` are the same without the numbers that Qlib adds to prices and volumes, as the features
here have them. `evaluate` reads either for one asset with numpy, one window at a time. It differs from Qlib in three
ways that the documentation lists: a window needs four fifths of its values, a comparison with a missing value is
missing, and so is the place of a missing value.
"""

import math
import re
from typing import Any

import numpy as np

WINDOWS = (5, 10, 20, 30, 60)
BAR = {
    "KMID": "($close-$open)/$open",
    "KLEN": "($high-$low)/$open",
    "KMID2": "($close-$open)/($high-$low+1e-12)",
    "KUP": "($high-Greater($open, $close))/$open",
    "KUP2": "($high-Greater($open, $close))/($high-$low+1e-12)",
    "KLOW": "(Less($open, $close)-$low)/$open",
    "KLOW2": "(Less($open, $close)-$low)/($high-$low+1e-12)",
    "KSFT": "(2*$close-$high-$low)/$open",
    "KSFT2": "(2*$close-$high-$low)/($high-$low+1e-12)",
    "OPEN0": "$open/$close",
    "HIGH0": "$high/$close",
    "LOW0": "$low/$close",
    "VWAP0": "$vwap/$close",
}
RISE, FALL = "Greater($close-Ref($close, 1), 0)", "Greater(Ref($close, 1)-$close, 0)"
MOVES = "(Sum(Abs($close-Ref($close, 1)), {d})+1e-12)"
ROLLING = {
    "ROC": "Ref($close, {d})/$close",
    "MA": "Mean($close, {d})/$close",
    "STD": "Std($close, {d})/$close",
    "BETA": "Slope($close, {d})/$close",
    "RSQR": "Rsquare($close, {d})",
    "RESI": "Resi($close, {d})/$close",
    "MAX": "Max($high, {d})/$close",
    "MIN": "Min($low, {d})/$close",
    "QTLU": "Quantile($close, {d}, 0.8)/$close",
    "QTLD": "Quantile($close, {d}, 0.2)/$close",
    "RANK": "Rank($close, {d})",
    "RSV": "($close-Min($low, {d}))/(Max($high, {d})-Min($low, {d})+1e-12)",
    "IMAX": "IdxMax($high, {d})/{d}",
    "IMIN": "IdxMin($low, {d})/{d}",
    "IMXD": "(IdxMax($high, {d})-IdxMin($low, {d}))/{d}",
    "CORR": "Corr($close, Log($volume+1), {d})",
    "CORD": "Corr($close/Ref($close,1), Log($volume/Ref($volume, 1)+1), {d})",
    "CNTP": "Mean($close>Ref($close, 1), {d})",
    "CNTN": "Mean($close<Ref($close, 1), {d})",
    "CNTD": "Mean($close>Ref($close, 1), {d})-Mean($close<Ref($close, 1), {d})",
    "SUMP": f"Sum({RISE}, {{d}})/{MOVES}",
    "SUMN": f"Sum({FALL}, {{d}})/{MOVES}",
    "SUMD": f"(Sum({RISE}, {{d}})-Sum({FALL}, {{d}}))/{MOVES}",
    "VMA": "Mean($volume, {d})/($volume+1e-12)",
    "VSTD": "Std($volume, {d})/($volume+1e-12)",
    "WVMA": "Std(Abs($close/Ref($close, 1)-1)*$volume, {d})"
    "/(Mean(Abs($close/Ref($close, 1)-1)*$volume, {d})+1e-12)",
    "VSUMP": f"Sum({RISE}, {{d}})/{MOVES}".replace("close", "volume"),
    "VSUMN": f"Sum({FALL}, {{d}})/{MOVES}".replace("close", "volume"),
    "VSUMD": f"(Sum({RISE}, {{d}})-Sum({FALL}, {{d}}))/{MOVES}".replace("close", "volume"),
}
EXPRESSIONS = BAR | {
    f"{name}{d}": text.replace("{d}", str(d)) for name, text in ROLLING.items() for d in WINDOWS
}


def _without_units(text):
    """Return an expression in which nothing is added to a price or a volume."""
    for old, new in (
        ("Log($volume+1)", "Log(Positive($volume))"),
        ("/($volume+1e-12)", "/Positive($volume)"),
        ("/Ref($volume, 1)", "/Positive(Ref($volume, 1))"),
    ):
        text = text.replace(old, new)
    whole = r"\(\$high-\$low\+1e-12\)"
    if re.search("/" + whole, text):
        return re.sub(rf"(.*)/{whole}", r"Share(\1, $high-$low, $high)", text)
    found = re.fullmatch(r"(.*)/\((.*)\+1e-12\)", text)
    if found is None:
        return text
    size = ", Max($high, {d})" if "$high" in text else ""
    return f"Share({found[1]}, {found[2]}{size})"


WITHOUT_UNITS = BAR | {f"{name}{d}": text for name, text in ROLLING.items() for d in WINDOWS}
WITHOUT_UNITS = {
    name: _without_units(text).replace("{d}", name.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    for name, text in WITHOUT_UNITS.items()
}


class Series:
    """Values of one asset, with the operators that Qlib's expressions use."""

    def __init__(self, values):
        self.values = np.asarray(values, dtype=float)

    def __add__(self, other):
        return Series(self.values + _values(other))

    def __sub__(self, other):
        return Series(self.values - _values(other))

    def __mul__(self, other):
        return Series(self.values * _values(other))

    __rmul__ = __mul__

    def __truediv__(self, other):
        return Series(self.values / _values(other))

    def __gt__(self, other):
        return self._compared(self.values > _values(other), other)

    def __lt__(self, other):
        return self._compared(self.values < _values(other), other)

    def _compared(self, holds, other):
        return Series(np.where(np.isnan(self.values + _values(other)), np.nan, holds))


def _share(part, whole, size=None):
    """Return part / whole: 0 where both are rounding of `size`, missing where the whole alone is."""
    sizes = np.zeros(len(part.values)) if size is None else size.values
    out = []
    for p, w, s in zip(part.values, whole.values, sizes, strict=True):
        if math.isnan(p + w + s) or (w <= 1e-12 * s and abs(p) > 1e-12 * s) or w < -1e-12 * s:
            out.append(math.nan)
        else:
            out.append(p / w if w > 1e-12 * s else 0.0)
    return Series(out)


def _values(x: Any):
    return x.values if isinstance(x, Series) else x


def _over(statistic, pick_last=False):
    """Return an operator that applies a statistic to the rows and values present in each window."""

    def operator(series, window, *options):
        x = series.values
        out = np.full(len(x), np.nan)
        for t in range(len(x)):
            rows = np.arange(max(t - window + 1, 0), t + 1)
            kept = rows[~np.isnan(x[rows])]
            if len(kept) >= math.ceil(0.8 * window) and not (pick_last and np.isnan(x[t])):
                # Rows of the window are numbered 1 to `window`, the newest last.
                out[t] = statistic(kept - t + window, x[kept], *options)
        return Series(out)

    return operator


def _line(rows, x):
    return np.polyfit(rows - rows.mean(), x, 1)


def _rank(_rows, x):
    return ((x < x[-1]).sum() + ((x == x[-1]).sum() + 1) / 2) / len(x)


def _corr(left, right, window):
    pair = left.values + right.values
    place = Series(np.where(np.isnan(pair), np.nan, np.arange(len(pair))))

    def of(_rows, at):
        rows = at.astype(int)
        return np.corrcoef(left.values[rows], right.values[rows])[0, 1]

    return _over(of)(place, window)


OPERATORS = {
    "Positive": lambda s: Series(np.where(s.values > 0, s.values, np.nan)),
    "Share": _share,
    "Ref": lambda s, n: Series(
        np.r_[np.full(min(n, len(s.values)), np.nan), s.values[: max(len(s.values) - n, 0)]]
    ),
    "Greater": lambda a, b: Series(np.maximum(_values(a), _values(b))),
    "Less": lambda a, b: Series(np.minimum(_values(a), _values(b))),
    "Abs": lambda s: Series(np.abs(s.values)),
    "Log": lambda s: Series(np.log(s.values)),
    "Mean": _over(lambda _, x: x.mean()),
    "Sum": _over(lambda _, x: x.sum()),
    "Std": _over(lambda _, x: x.std(ddof=1)),
    "Max": _over(lambda _, x: x.max()),
    "Min": _over(lambda _, x: x.min()),
    "Quantile": _over(lambda _, x, q: np.quantile(x, q)),
    "Rank": _over(_rank, pick_last=True),
    "IdxMax": _over(lambda rows, x: rows[x.argmax()]),
    "IdxMin": _over(lambda rows, x: rows[x.argmin()]),
    "Slope": _over(lambda rows, x: _line(rows, x)[0]),
    "Rsquare": _over(lambda rows, x: np.corrcoef(rows, x)[0, 1] ** 2),
    "Resi": _over(lambda rows, x: x[-1] - np.polyval(_line(rows, x), rows[-1] - rows.mean()), pick_last=True),
    "Corr": _corr,
}


def evaluate(expression, fields):
    """Return one expression over one asset: `fields` are arrays (T,) by name."""
    names = OPERATORS | {f"field_{name}": Series(values) for name, values in fields.items()}
    with np.errstate(all="ignore"):
        return eval(expression.replace("$", "field_"), {}, names).values
