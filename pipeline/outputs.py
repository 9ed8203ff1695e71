"""Outputs: the folder of a run, which appears whole or not at all."""

from __future__ import annotations

import datetime as dt
import json
import math
import secrets
import shutil
import stat
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from allocation.decision_status import DecisionStatus
from pipeline.errors import RunError
from pipeline.experiment_view import GAP, P_VALUE
from pipeline.outbox import RECORD, Parcel, Tracked
from pipeline.store import make_folder

if TYPE_CHECKING:
    from pipeline.certificate import Certificate
    from pipeline.drift import Drift
    from pipeline.evidence import Evidence
    from pipeline.publication import Published
    from pipeline.results import Evaluated

HANDED_OUT = (
    "summary.json",
    "weights.csv",
    "forecasts.parquet",
    "certificate.json",
    "trials.csv",
    "report.html",
)
"""Files of a run's folder that people read; some runs have no certificate or no trials."""
SCHEMA = 4
"""Version of summary.json; it changes when a key changes its name or meaning."""


def new_run_id(name: str, now: dt.datetime, digest: str) -> str:
    """Return an id that sorts by time: name, UTC time, first digits of the configuration's hash, a random end."""
    return f"{name}-{now:%Y%m%dT%H%M%S}-{digest[:6]}-{secrets.token_hex(2)}"


def summary(
    done: Evaluated, certificate: Certificate | None, evidence: Evidence, drift: Drift
) -> dict[str, Any]:
    """Return all that a program wants to know of a run's result; keys are documented in docs/outputs.md."""
    from pipeline.evaluation import compare_forecasts  # models and all: not needed where nothing changed

    prepared = done.trained.prepared
    panel, schedule = prepared.panel, prepared.schedule
    return {
        "config": prepared.config.name,
        "verdict": evidence.verdict,
        "evidence": evidence.as_dict(),
        "data": {
            "source": panel.name,
            "n_dates": len(panel.dates),
            "n_assets": len(panel.assets),
            "first": f"{panel.dates[0]:%Y-%m-%d}",
            "last": f"{panel.dates[-1]:%Y-%m-%d}",
            "notes": list(panel.notes),
            "findings": [finding.as_dict() for finding in prepared.findings],
        },
        "features": list(prepared.matrix.names),
        "features_missing": dict(prepared.matrix.missing),
        "n_folds": len(schedule.folds),
        "n_decisions": len(schedule.decisions),
        "evaluated_from": f"{panel.dates[schedule.decisions[0]]:%Y-%m-%d}",
        "forecast": {name: dict(score.metrics) for name, score in done.scores.items()},
        "forecast_p_same_error": compare_forecasts(done.scores, schedule.labels.horizon),
        "portfolio": {name: dict(metrics) for name, metrics in done.performance.items()},
        "comparison": {n: {b: dict(m) for b, m in by.items()} for n, by in done.comparisons.items()},
        "attribution": done.attributions(),
        "fallbacks": fallbacks(done),
        "traded": done.chosen,
        "target": {
            "as_of": f"{panel.dates[done.target.position]:%Y-%m-%d}",
            "weights": dict(zip(panel.assets, done.target.weights.tolist(), strict=True)),
            "cash": done.target.cash,
            "status": done.target.status.label,
            "note": done.target.note,
            "limits_hold": done.target.attestation.holds,
            "slack": dict(done.target.attestation.slack),
            "gap": done.target.attestation.gap,
            "kkt_residual": done.target.attestation.residual,
        },
        "regime": _regime(done),
        "drift": drift.as_dict(),
        "certificate": None if certificate is None else certificate.brief(),
        "record": done.record().as_dict(),
    }


def fallbacks(done: Evaluated) -> dict[str, dict[str, Any]]:
    """Return by portfolio at how many decisions limits gave way or held a trade back, and the first of them."""
    dates, out = done.trained.prepared.panel.dates, {}
    for name, result in done.results.items():
        decided = zip(result.decisions.tolist(), result.statuses, result.notes, strict=True)
        fallback = DecisionStatus.RELAXED | DecisionStatus.HELD
        found = [(row, note) for row, status, note in decided if status & fallback]
        holds = zip(result.holds.tolist(), result.hold_statuses, result.reasons, strict=True)
        found = sorted([*found, *((row, reason) for row, status, reason in holds if status & fallback)])
        if found:
            row, text = found[0]
            first = f"{dates[row]:%Y-%m-%d}: {text}"
            out[name] = {"relaxed": result.relaxed, "held": result.held, "first": first}
    return out


def _regime(done: Evaluated) -> dict[str, Any]:
    from pipeline.regime_evidence import weigh_regimes  # models and all: not needed where nothing changed

    regimes = done.trained.regimes
    return {
        "as_of": f"{done.trained.prepared.panel.dates[-1]:%Y-%m-%d}",
        "label": int(regimes.label[-1]),
        "probabilities": regimes.probabilities[-1].tolist(),
        "anomaly": float(regimes.anomaly[-1]),
        "evidence": weigh_regimes(done).as_dict(),
    }


def to_json(value: Any) -> str:
    """Return strict JSON: NaN and infinity, which JSON does not have, become null."""
    return json.dumps(_finite(value), indent=2, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def weights_table(done: Evaluated) -> pd.DataFrame:
    """Return the target weights of each decision and of the last date; columns as in docs/outputs.md."""
    prepared = done.trained.prepared
    result, target = done.results[done.chosen], done.target
    positions = [*result.decisions.tolist()]
    rows = [*result.targets]
    cash = [*result.target_cash.tolist()]
    status = [one.label for one in result.statuses]
    note = [*result.notes]
    if not positions or positions[-1] != target.position:
        positions.append(target.position)
        rows.append(target.weights)
        cash.append(target.cash)
        status.append(target.status.label)
        note.append(target.note)
    table = pd.DataFrame(np.array(rows), columns=list(prepared.panel.assets))
    table.insert(0, "date", prepared.panel.dates[positions].strftime("%Y-%m-%d"))
    return table.assign(cash=cash, status=status, note=note)


def trials_table(done: Evaluated) -> pd.DataFrame:
    """Return one row a tuning trial: model, date from which the choice was used, number, loss, pruned, settings."""
    dates = done.trained.prepared.panel.dates
    rows = [
        {
            "model": trial.model,
            "used_from": f"{dates[trial.first_test]:%Y-%m-%d}",
            "number": trial.number,
            "loss": trial.loss,
            "pruned": trial.pruned,
            "seconds": trial.seconds,
            **trial.params,
        }
        for walk in done.trained.walks.values()
        for trial in walk.trials
    ]
    return pd.DataFrame(rows)


def forecasts_table(done: Evaluated) -> pd.DataFrame:
    """Return one row a forecast: date, asset, model, mean, stderr, raw, slope, and the date's regime."""
    trained = done.trained
    panel, regimes = trained.prepared.panel, trained.regimes
    parts = []
    for name, forecast in trained.forecasts.items():
        # Nearly riskless assets have an expected return and no prediction: whoever reads this must hold them too.
        at, asset = np.nonzero(np.isfinite(forecast.mean))
        position = forecast.positions[at]
        parts.append(
            pd.DataFrame(
                {
                    "date": panel.dates[position],
                    "asset": np.array(panel.assets)[asset],
                    "model": name,
                    "mean": forecast.mean[at, asset],
                    "stderr": forecast.stderr[at, asset],
                    "raw": forecast.raw[at, asset],
                    "slope": forecast.slope[at],
                    "regime": regimes.label[position],
                    "anomaly": regimes.anomaly[position],
                }
            )
        )
    table = pd.concat(parts, ignore_index=True)
    return table.astype({"asset": "category", "model": "category"})


def write_run(
    output: Path,
    published: Published,
    run_id: str,
    seconds: Mapping[str, float],
    reused: list[str],
    *,
    now: dt.datetime,
) -> Path:
    """Write the folder of a run and point `latest` at it.

    Everything is written to a hidden folder first, which then takes its name in one step: whoever finds the
    folder finds all of it. What MLflow is to be told waits in it (`pipeline/outbox.py`).

    Raises
    ------
    RunError
        If the folder cannot be written.
    """
    head = {"schema": SCHEMA, "run_id": run_id}
    text = head | published.summary | {"seconds": dict(seconds), "reused": list(reused)}
    try:
        make_folder(output)
        hidden = Path(tempfile.mkdtemp(dir=output, prefix=".partial-"))
        try:
            (hidden / "summary.json").write_text(to_json(text), encoding="utf-8")
            (hidden / "weights.csv").write_text(published.weights, encoding="utf-8")
            (hidden / "forecasts.parquet").write_bytes(published.forecasts)
            if published.trials:
                (hidden / "trials.csv").write_text(published.trials, encoding="utf-8")
            if published.certificate is not None:
                (hidden / "certificate.json").write_text(published.certificate, encoding="utf-8")
            (hidden / "model.json").write_text(published.model, encoding="utf-8")
            (hidden / "inputs.json").write_text(published.inputs, encoding="utf-8")
            (hidden / "config.json").write_text(published.config, encoding="utf-8")
            (hidden / "report.html").write_text(published.page(run_id), encoding="utf-8")
            (hidden / RECORD).write_text(_parcel(published, run_id, seconds, now).to_json(), encoding="utf-8")
            _share_as(output, hidden)
            final = output / run_id
            hidden.rename(final)
        except BaseException:
            shutil.rmtree(hidden, ignore_errors=True)
            raise
        point_latest(output, run_id)
    except OSError as error:
        raise RunError(f"cannot write the run to {output}: {error.strerror or error}") from error
    return final


def _share_as(output: Path, folder: Path) -> None:
    """Let those into a run's folder who may see the output folder; it is the user's who that is."""
    # Some filesystems have no modes: the folder then stays as it was made.
    with suppress(OSError):
        folder.chmod(stat.S_IMODE(output.stat().st_mode) & 0o777)


def _parcel(published: Published, run_id: str, seconds: Mapping[str, float], now: dt.datetime) -> Parcel:
    """Return what MLflow is to be told of this run: what was published, and how long it took."""
    timed = tuple((f"seconds/{stage.replace(':', ' ')}", value, 0) for stage, value in seconds.items())
    told = Tracked.from_json(json.loads(published.tracked))
    ended = int(now.timestamp() * 1000)
    return Parcel(
        str(published.summary["config"]),
        run_id,
        name=_name(told, now),
        began=ended - int(1000 * sum(seconds.values())),
        ended=ended,
        tracked=replace(told, metrics=(*told.metrics, *timed)),
        plots=published.plots,
    )


def _name(told: Tracked, now: dt.datetime) -> str:
    """Return the name of a run in MLflow: what was traded, what it gained on the best baseline, how sure, and when."""
    values = {key: value for key, value, _ in told.metrics}
    gap, p = values.get(GAP), values.get(P_VALUE)
    parts = [told.tags["traded"]]
    parts += [] if gap is None else [f"{gap:+.2f}"]
    parts += [] if p is None else [f"(p {p:.2f})"]
    return " ".join([*parts, f"{now:%Y-%m-%d %H:%M}"])


def same_run(output: Path, made: Published) -> Path | None:
    """Return the folder of the newest run of a configuration if its summary is the same, tracked or not.

    The same configuration, data, code and versions give the same bits: there is nothing to write again. A verdict
    differs once something else has been tried, drift once it is measured otherwise, and a score once the code that
    computes it was changed. Which warnings were printed depends on the command, too.
    """
    summary = json.loads(to_json({key: part for key, part in made.summary.items() if key != "warnings"}))
    for path in sorted(output.glob(f"{summary['config']}-*/summary.json"), reverse=True):
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):  # edited: made again
            return None
        if told.get("config") == summary["config"]:
            same = all(told.get(key) == value for key, value in summary.items())
            return path.parent if same and (path.parent / RECORD).exists() else None
    return None


def point_latest(output: Path, run_id: str) -> None:
    """Replace the link in one step, so that it never points nowhere."""
    link = output / f".latest-{secrets.token_hex(4)}"
    link.symlink_to(run_id, target_is_directory=True)
    try:
        link.replace(output / "latest")
    except OSError:
        link.unlink()
        raise
