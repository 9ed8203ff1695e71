"""Features of the user's own series and tables: values of a run, made from the names in its configuration."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from features.spec import INPUTS, FeatureError, FeatureSpec, Stage
from foundation.suggestions import suggest
from foundation.types import Floats
from market.as_of.expressions import SEPARATOR

_UNITS = {"age": "days", "zscore": "standard deviations", "rank": "rank between -0.5 and 0.5"}
_DEFINITIONS = {
    "level": "Newest value of {name} that was known.",
    "change": "Change of {name} over {count} months, both values as known at the date.",
    "zscore": "Newest value of {name}, less the mean and over the standard deviation of {count} months, as known then.",
    "surprise": "Change of {name} by its last revision, at the newest period that it revised.",
    "age": "Days since the end of the period of the newest value of {name} that was known.",
    "rank": "Rank of {name} among the assets of the date.",
    "interaction": "Beta over {count} months of the asset's excess return to changes of {name}, times the z-score of"
    " {name} over the same months.",
}
_COUNTED = ("change", "zscore", "interaction")
_SERIES = ("level", "change", "zscore", "surprise", "age", "interaction")
_TABLE = ("level", "change", "zscore", "surprise", "age", "rank")


def check_feature(text: str, *, table: bool) -> tuple[str, int]:
    """Return the kind and the months of a feature such as `zscore_60`.

    Raises
    ------
    ValueError
        If there is no such feature of a series, or of a table.
    """
    kinds = _TABLE if table else _SERIES
    stem, _, digits = text.rpartition("_")
    if stem in _COUNTED and stem in kinds and re.fullmatch(r"[1-9]\d{0,2}", digits):
        return stem, int(digits)
    if text in kinds and text not in _COUNTED:
        return text, 0
    forms = ", ".join(f"{kind}_N" if kind in _COUNTED else kind for kind in kinds)
    what = "table" if table else "series"
    raise ValueError(
        f"{text!r} is no feature of a {what}{suggest(text, kinds)}; expected {forms}, where N counts months, such as"
        " zscore_60"
    )


def make_specs(
    series: Mapping[str, Iterable[str]], tables: Mapping[str, Iterable[str]], known: Mapping[str, FeatureSpec]
) -> dict[str, FeatureSpec]:
    """Return the features of series and tables, by name: `<series>_<feature>`.

    Parameters
    ----------
    series, tables : mapping of str to iterable of str
        Features by the name of a series or table.
    known : mapping of str to FeatureSpec
        All other features, whose names are taken.

    Raises
    ------
    FeatureError
        If a name is that of an input, a feature or another series.
    """
    made: dict[str, FeatureSpec] = {}
    for members, is_table in ((series, False), (tables, True)):
        for name, features in members.items():
            for taken, what in ((INPUTS, "an input of features"), (known, "a feature")):
                if name in taken:
                    raise FeatureError(
                        f"data: a series or table cannot be called {name!r}, the name of {what}"
                    )
            for feature in features:
                spec = _make_spec(name, *check_feature(feature, table=is_table), table=is_table)
                if spec.name in made or spec.name in known:
                    raise FeatureError(
                        f"data: two features would be called {spec.name!r}; rename a series or table"
                    )
                made[spec.name] = spec
    return made


def _make_spec(name: str, kind: str, count: int, *, table: bool) -> FeatureSpec:
    """Return one feature."""
    label = f"{kind}_{count}" if count else kind
    stage: Stage = ("cross_section" if kind == "rank" else "asset") if table else "macro"
    definition = _DEFINITIONS[kind].format(name=name, count=count)
    unit = _UNITS.get(kind, f"unit of {name}")
    full = f"{name}_{label}"
    if kind == "interaction":
        chain, score = f"{name}{SEPARATOR}chain", f"{name}{SEPARATOR}zscore_{count}"
        inputs = ("excess", chain, score, "month")
        kernel = _interact(chain, score, count)
        return FeatureSpec(
            full, stage, count, "return per standard deviation", inputs, definition, kernel, rows=1
        )
    if kind == "rank":
        source = f"{name}{SEPARATOR}level"
        return FeatureSpec(full, stage, 0, unit, (source,), definition, _rank(source))
    source = f"{name}{SEPARATOR}{label}"
    return FeatureSpec(full, stage, 0, unit, (source,), definition, _take(source))


def _take(source: str) -> Callable[..., Floats]:
    def kernel(**inputs: Floats) -> Floats:
        return inputs[source]

    return kernel


def _rank(source: str) -> Callable[..., Floats]:
    def kernel(**inputs: Floats) -> Floats:
        from features.kernels.across import rank  # kernels are compiled: reading a configuration needs none

        return rank(inputs[source])

    return kernel


def _interact(chain: str, score: str, months: int) -> Callable[..., Floats]:
    def kernel(**inputs: Floats) -> Floats:
        from features.kernels.regressions import rolling_beta
        from features.kernels.rolling import lag

        moved = inputs[chain] - lag(inputs[chain], 1)
        beta = rolling_beta(inputs["excess"], moved, months * int(inputs["month"]))
        # A series that did not move has no beta.
        return np.where(np.isfinite(beta), beta, np.nan) * inputs[score][:, None]

    return kernel
