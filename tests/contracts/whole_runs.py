"""Whole runs of any configuration, and what may be said against how they ended."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
import shutil
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from pipeline.config import load_config
from pipeline.errors import USER_ERRORS
from pipeline.export import run_folder
from pipeline.export.publication import load_or_make_artifacts
from pipeline.progress import Reporter
from pipeline.store import Store

MAY_BE_NULL = re.compile(
    r"^(certificate|config|target\.gap|target\.kkt_residual)$"
    # A constant forecast ranks nothing, and a score of few dates has no error.
    r"|^forecast\.|^forecast_p_same_error\."
    # Two equal portfolios have no difference to test, and one that holds cash alone no risk.
    r"|^comparison\.|^benchmarks\.|^transfer\.|^active_return\.|^portfolio\..*\.(sharpe|sharpe_se)$"
    # A few dates have no error, and a singular covariance no score.
    r"|^regime\.forecast\.|^covariance\.scores\."
    r"|^evidence\.tests\.|^regime\.evidence|^drift\.|^record\.|^data\.findings"
)
"""Results that do not always exist, by their path in summary.json."""
KNOWN_LATE = re.compile(
    r"wealth is multiplied by|nothing is left"
    # Limits on risk rest on covariances, which are estimated; limits on a strategy's own book on its past.
    r"|cannot be met together|volatility|tracking error"
)
"""Messages that may come after something was fitted, because only fitting or trading shows what they say."""


@dataclass(frozen=True)
class Outcome:
    """How a run of one configuration ended.

    Attributes
    ----------
    message : str
        What the user is shown if the run was refused; empty if it came to its end.
    fitted : bool
        Whether a model was fitted before the end.
    crash : str
        Traceback of an error that is none of the user's; empty if there was none.
    summary : dict
        summary.json, if the run came to its end.
    notices : str
        What the terminal showed.
    """

    message: str = ""
    fitted: bool = False
    crash: str = ""
    summary: dict[str, Any] = field(default_factory=dict)
    notices: str = ""


def run_whole(content: dict[str, Any], folder: Path) -> Outcome:
    """Run a configuration from its file to its run folder, without MLflow, in an empty output folder."""
    path, output = folder / "case.yaml", Path(str(content.get("output", folder / "runs")))
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    shutil.rmtree(output, ignore_errors=True)
    log = StringIO()
    reporter = Reporter(Console(file=log, width=120))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            config = load_config(path)
            made = load_or_make_artifacts(config, Store(config.output / "store"), reporter)
            run = run_folder.write_run(
                config.output, made, "run", reporter.seconds, reporter.reused, now=dt.datetime.now(dt.UTC)
            )
        return Outcome(summary=json.loads((run / "summary.json").read_text()), notices=log.getvalue())
    except USER_ERRORS as error:
        return Outcome(message=str(error), fitted=_fitted(reporter), notices=log.getvalue())
    except Exception:  # noqa: BLE001 (an error that nobody foresaw is what the search looks for)
        return Outcome(crash=traceback.format_exc(), fitted=_fitted(reporter), notices=log.getvalue())


def _fitted(reporter: Reporter) -> bool:
    return any(stage.startswith(("regimes", "model")) for stage in reporter.seconds)


def faults(outcome: Outcome) -> list[str]:
    """Return what is wrong with how a run ended; an empty list if nothing is."""
    if outcome.crash:
        return [f"traceback: {outcome.crash}"]
    if outcome.message:
        late = outcome.fitted and not KNOWN_LATE.search(outcome.message)
        wrong = [f"refused only after something was fitted: {outcome.message}"] if late else []
        if re.search(r"\bnan\b|\binf\b|Traceback|object at 0x", outcome.message):
            wrong.append(f"a message that shows how the program works: {outcome.message}")
        return wrong
    summary = outcome.summary
    missing = [path for path, value in _leaves(summary) if value is None and not MAY_BE_NULL.search(path)]
    return [f"no number: {path}" for path in missing] + list(_implausible(summary))


def _implausible(summary: dict[str, Any]) -> Iterator[str]:
    """Yield numbers that cannot be true of an honest run on a random walk."""
    for name, m in summary["portfolio"].items():
        sharpe = m["sharpe"]
        if sharpe is not None and abs(sharpe) > 10:
            yield f"portfolio {name}: Sharpe ratio {sharpe:g}"
        if not 0 <= m["volatility"] < 10:
            yield f"portfolio {name}: volatility {m['volatility']:g}"
        if not -1 <= m["max_drawdown"] <= 0:
            yield f"portfolio {name}: drawdown {m['max_drawdown']:g}"
    target = summary["target"]
    total = sum(target["weights"].values()) + target["cash"]
    if not math.isclose(total, 1, abs_tol=1e-9):
        yield f"target weights and cash sum to {total!r}"
    if not target["limits_hold"]:
        yield f"the target breaks its limits: {target['status']}"
    if summary["verdict"] == "skill that pays":
        yield "a random walk has the verdict skill that pays"


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted path and value of each leaf of nested dictionaries and lists."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _leaves(item, f"{path}.{place}")
    else:
        yield path, value
