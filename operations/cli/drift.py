"""`tangency drift`."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from pipeline.cli.group import EPILOG, check_output, config_option, tangency
from pipeline.cli.preparation import prepare_run


@tangency.command(epilog=EPILOG)
@config_option
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    callback=check_output,
    help="Also write all findings to this .json file.",
)
@click.option("--request", is_flag=True, help="Request a training if there is a reason to retrain early.")
def drift(path: Path, output: Path | None, request: bool) -> None:
    """Measure what has changed since the champion was trained, at the last date of the data."""
    from foundation.json_text import to_json
    from operations.champion.forecasting import situation
    from operations.drift.champion_drift import champion_drift
    from operations.drift.drift_trigger import reason_to_retrain
    from operations.schedule import run_due
    from pipeline.files import write_whole
    from pipeline.report.drift_table import drift_table

    config, _, reporter = prepare_run(path, fresh=False, trains=False)
    current = situation(config, reporter)
    champion = current.champion
    reporter.line("champion", f"{champion.run}, trained on data to {champion.trained_to:%Y-%m-%d}")
    measured = champion_drift(current)
    reason = reason_to_retrain(measured, current.prepared.config.drift)
    reporter.console.print(drift_table(measured))
    reporter.line("drift", measured.brief)
    reporter.line("early retraining", reason or "no reason")
    if output is not None:
        content = measured.as_dict() | {"reason_to_retrain": reason}
        write_whole(output, to_json(content).encode())
    if request and reason is not None:
        new = run_due.request(config, reason, measured.as_of, dt.datetime.now(dt.UTC))
        reporter.line("schedule", "asked for a retraining" if new else "it was asked for before on this data")
