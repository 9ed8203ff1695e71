"""Commands about the model in use: retrain, promote, rollback, predict, allocate."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.as_of import as_of_option, end_of_day
from pipeline.cli.group import EPILOG, check_output, config_option, tangency
from pipeline.cli.preparation import prepare_run
from pipeline.config_files.text import show_name

if TYPE_CHECKING:
    from operations.champion.forecasting import Situation
    from operations.champion.holdings import Holdings
    from pipeline.progress import Reporter


def _writable(context: click.Context, option: click.Parameter, paths: tuple[Path, ...]) -> tuple[Path, ...]:
    """Refuse other file extensions, and files that cannot be written, before any computation."""
    for path in paths:
        if path.suffix not in (".csv", ".json"):
            raise click.BadParameter(f"{show_name(str(path))}: expected a name that ends with .csv or .json")
    return tuple(check_output(context, option, paths))


_output = click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    multiple=True,
    callback=_writable,
    help="Also write the result to this .csv or .json file; may be given twice.",
)


@tangency.command("retrain", epilog=EPILOG)
@config_option
@as_of_option
def retrain_command(path: Path, as_of: dt.datetime | None) -> None:
    """Record new data, train a challenger, and promote it if it passes the gate.

    The run is written and tracked as by `tangency run`. The decision and its reason are recorded permanently. If data,
    configuration and code are unchanged, the previous decision is shown.
    """
    from operations.champion.retraining import retrain as go

    config, _, reporter = prepare_run(path, fresh=False, as_of=as_of)
    decision = go(config, reporter, now=end_of_day(as_of))
    reporter.line("champion", decision.champion or "none")


@tangency.command("promote", epilog=EPILOG)
@config_option
@click.argument("run")
@click.option("--reason", required=True, help="Reason, which is recorded.")
def promote_command(path: Path, run: str, reason: str) -> None:
    """Make RUN, a folder below runs/, the champion without the gate. The decision is recorded as manual."""
    from operations.champion.manual_promotion import promote as go

    config, _, reporter = prepare_run(path, fresh=False, trains=False)
    decision = go(config, reporter, run, now=dt.datetime.now(dt.UTC), why=reason)
    reporter.line("champion", f"{decision.champion}, instead of {decision.replaced or 'none'}")


@tangency.command(epilog=EPILOG)
@config_option
@click.option("--reason", default="no reason given", show_default=True, help="Reason, which is recorded.")
def rollback(path: Path, reason: str) -> None:
    """Restore the previous champion."""
    from operations.champion.manual_promotion import roll_back

    config, _, reporter = prepare_run(path, fresh=False, trains=False)
    decision = roll_back(config, reporter, now=dt.datetime.now(dt.UTC), why=reason)
    reporter.line("champion", f"{decision.champion}, instead of {decision.run}")


@tangency.command("predict", epilog=EPILOG)
@config_option
@as_of_option
@_output
def predict_command(path: Path, as_of: dt.datetime | None, output: tuple[Path, ...]) -> None:
    """Print the champion's forecasts: excess returns over the next holding period."""
    from operations.champion import forecasting
    from operations.cli.output import forecasts as forecast_output

    current, reporter = _situation(path, as_of)
    table = forecasting.predict(current)
    reporter.console.print()
    reporter.console.print(
        f"Forecasts at the close of {current.date:%Y-%m-%d}: excess returns over the horizon"
    )
    reporter.console.print(forecast_output.make_table(table, percent=("mean", "stderr", "risk")))
    content = forecast_output.describe_forecast(current) | {
        "regime": forecast_output.regime(current),
        "forecasts": table.to_dict("records"),
    }
    for file in output:
        forecast_output.write_answer(file, table, content)
        reporter.console.print(f"{file}", highlight=False, soft_wrap=True)


@tangency.command(epilog=EPILOG)
@config_option
@as_of_option
@click.option(
    "--holdings",
    type=click.Path(path_type=Path),
    help="CSV or Parquet file of the holdings: asset and weight, value or shares.",
)
@_output
def allocate(path: Path, as_of: dt.datetime | None, holdings: Path | None, output: tuple[Path, ...]) -> None:
    """Print the champion's target weights, and the trades to reach them with their cost.

    Trades start from --holdings, or without it from the current weights of the champion's portfolio.
    """
    from operations.champion import forecasting
    from operations.champion.holdings import read_holdings
    from operations.champion.holdings_check import match_holdings
    from operations.champion.share_counts import count_shares, value_shares
    from operations.cli.output import forecasts as forecast_output

    held = None if holdings is None else read_holdings(holdings)
    current, reporter = _situation(path, as_of, held)
    prepared = current.prepared
    held = None if held is None else value_shares(held, prepared.panel)
    weights = None if held is None else match_holdings(held, prepared.panel, prepared.config)
    plan = forecasting.plan(current, weights)
    table = count_shares(
        forecast_output.plan_table(current, plan), prepared.panel, None if held is None else held.wealth
    )
    reporter.console.print()
    status = f"{plan.weights.description}; the trades cost {plan.cost:.4%} of wealth"
    reporter.console.print(
        f"Target weights at the close of {current.date:%Y-%m-%d}: {status}", highlight=False
    )
    reporter.console.print(forecast_output.make_table(table, percent=("held", "target", "trade", "cost")))
    certificate = plan.weights.certificate
    content = forecast_output.describe_forecast(current) | {
        "status": plan.weights.status.label,
        "note": plan.weights.note,
        "cost": plan.cost,
        "limits_hold": certificate.holds,
        "slack": dict(certificate.slack),
        "trades": table.to_dict("records"),
    }
    for file in output:
        forecast_output.write_answer(file, table, content)
        reporter.console.print(f"{file}", highlight=False, soft_wrap=True)


def _situation(
    path: Path, as_of: dt.datetime | None, holdings: Holdings | None = None
) -> tuple[Situation, Reporter]:
    from operations.champion.forecasting import situation

    config, _, reporter = prepare_run(path, fresh=False, trains=False, as_of=as_of)
    for text in () if holdings is None else holdings.warnings:
        reporter.warn(text)
    current = situation(config, reporter, None if as_of is None else as_of.date(), holdings)
    reporter.line(
        "champion", f"{current.champion.run}, trained on data to {current.champion.trained_to:%Y-%m-%d}"
    )
    return current, reporter
