"""The command line. Heavy libraries are imported by the commands that need them."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.endings import Commands, exit_codes

if TYPE_CHECKING:
    import datetime as dt

    from pipeline.config import RunConfig
    from pipeline.export.artifacts import Published
    from pipeline.progress import Reporter
    from pipeline.runner.pipeline import Pipeline
    from pipeline.stages.results import Evaluated
    from pipeline.store import Store

EPILOG = "Exit codes: 0 done, 2 something of yours to mend (one message says what), 130 interrupted."


config_option = click.option(
    "--config",
    "-c",
    "path",
    type=click.Path(path_type=Path),
    default=Path("configs/industries.yaml"),
    show_default=True,
    help="Configuration file of the run.",
)


def _refuse_future(
    _context: click.Context, _option: click.Parameter, as_of: dt.datetime | None
) -> dt.datetime | None:
    """Refuse a date that is not here yet anywhere: what was recorded as known then would stand in the way."""
    import datetime as dt

    east = dt.datetime.now(dt.UTC).replace(tzinfo=None) + dt.timedelta(hours=14)
    if as_of is not None and as_of > east:
        raise click.BadParameter(f"{as_of:%Y-%m-%d} is in the future; expected today or an earlier date")
    return as_of


as_of_option = click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    callback=_refuse_future,
    help="Use what was known at the close of this date [all data there is].",
)


def evening(as_of: dt.datetime | None) -> dt.datetime:
    """Return the end of a day in UTC, or the present."""
    import datetime as dt

    return dt.datetime.now(dt.UTC) if as_of is None else as_of.replace(hour=23, minute=59, tzinfo=dt.UTC)


def check_output(
    _context: click.Context, _option: click.Parameter, given: Path | tuple[Path, ...] | None
) -> Any:
    """Refuse files that cannot be written, before anything is computed: a callback of options."""
    from pipeline.config_files.paths import output_mistake
    from pipeline.config_files.text import show_name

    for path in given if isinstance(given, tuple) else (given,):
        wrong = "" if path is None else output_mistake(path)
        if wrong:
            raise click.BadParameter(f"{show_name(str(path))}: {wrong}")
    return given


def _options(command: Callable[..., None]) -> Callable[..., None]:
    fresh = click.option("--fresh", is_flag=True, help="Ignore stored stages and compute everything again.")
    return config_option(fresh(command))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EPILOG)
@click.version_option(package_name="tangency")
def tangency() -> None:
    """Turn a table of prices into validated forecasts and a portfolio.

    A run is described by one YAML file. Its stages build on one another and are kept: a stage whose inputs did
    not change is not run again.

    \b
    tangency run       --config configs/industries.yaml    everything, written to runs/
    tangency train     fit all models along the walk-forward
    tangency audit     train, then prove that nothing looked ahead
    tangency evaluate  train, then score forecasts and portfolios
    tangency report    evaluate, then write one HTML page
    tangency ui        serve the tracked runs in MLflow
    tangency sync      send runs that MLflow was not there for
    tangency features  list the features and their definitions
    tangency compile   compile all numerical kernels now, so that nothing waits later

    \b
    tangency update    record new data, go on with what was computed
    tangency data      list, show and verify what was recorded
    tangency drift     what is no longer as when the champion was trained
    tangency retrain   train a challenger; it replaces the champion if it passes the gate
    tangency promote   make a run champion by hand, for the record
    tangency rollback  back to the champion before
    tangency predict   forecasts of the champion
    tangency allocate  target weights and trades of the champion
    tangency serve     answer for the champion over HTTP
    tangency ledger    what was tried and decided, and whether its record is whole

    \b
    tangency schedule  keep the schedules of configs/; schedule export is for other schedulers
    tangency run-due   retrain what is due, and go
    tangency status    how each scheduled model stands
    """  # noqa: D301 (click wants the character)


@tangency.command(epilog=EPILOG)
@_options
def run(path: Path, fresh: bool) -> None:
    """Train, evaluate, allocate, report and track, and write a run folder.

    The folder runs/<run id>/ holds summary.json, weights.csv, forecasts.parquet, certificate.json and report.html;
    runs/latest points to the newest. The run is tracked in MLflow (runs/mlflow.db, or MLFLOW_TRACKING_URI). Where
    neither configuration, data, code nor libraries have changed since the last run, that run is told instead.
    """
    from pipeline.chains.data_identity import sketch
    from pipeline.errors import TrackingError
    from pipeline.export.publication import open_ledger, published
    from pipeline.stages.loading import load_data
    from pipeline.store.reuse import explain_reuse
    from pipeline.tracking.receipts import pending_notice
    from pipeline.tracking.shared_trials import others_may_have_tried, share_trials
    from pipeline.tracking.worker import Courier

    config, store, reporter = prepared(path, fresh)
    console = reporter.console
    ledger, loaded = open_ledger(config), None
    if others_may_have_tried(config.output, ledger):
        loaded = load_data(config, reporter)
        try:
            share_trials(config.output, config.name, ledger, sketch(loaded[0]))
        except TrackingError as error:
            reporter.line("trials", f"counted from this folder alone: {error}")
    with Courier() as courier:
        made = published(config, store, reporter, loaded, making=courier.get_ready)
        with explain_reuse(store):
            folder = _handed_out(config, made, reporter, fresh)
        # The result is told before it is tracked: a tracking server that is away must not hide it.
        try:
            link = courier.deliver(folder)
            console.print(f"MLflow: make ui, then the page {link}", highlight=False, soft_wrap=True)
            if notice := pending_notice(config.output):
                console.print(f"MLflow: {notice}", highlight=False, soft_wrap=True)
        except TrackingError as error:
            console.print(f"not tracked: {error}; `tangency sync` sends it", highlight=False, soft_wrap=True)


def _handed_out(config: RunConfig, made: Published, reporter: Reporter, fresh: bool) -> Path:
    """Print the result and write the run's folder, if it is not the one before."""
    import datetime as dt

    from pipeline.export import run_folder as outputs

    console = reporter.console
    folder = None if fresh else outputs.same_run(config.output, made)
    for table in made.tables:
        console.print()
        console.print(table)
    console.print()
    if folder is not None:
        console.print("nothing has changed since this run, so there is no new one (--fresh makes one):")
        outputs.point_latest(config.output, folder.name)
    else:
        now = dt.datetime.now(dt.UTC)
        run_id = outputs.new_run_id(config.name, now, config.digest())
        folder = outputs.write_run(config.output, made, run_id, reporter.seconds, reporter.reused, now=now)
    for name in outputs.HANDED_OUT:
        if (folder / name).exists():
            console.print(f"{folder / name}", highlight=False, soft_wrap=True)
    return folder


@tangency.command(epilog=EPILOG)
@_options
def train(path: Path, fresh: bool) -> None:
    """Fit all models along the walk-forward and keep their forecasts.

    Prints what each model's last fit chose, after making sure that nothing looked ahead. Scores and portfolios come
    with `evaluate`.
    """
    pipeline = _pipeline(path, fresh)
    done = _evaluate(pipeline)
    pipeline.certify(done)
    trained = done.trained
    for name, walk in trained.walks.items():
        chosen = ", ".join(f"{key} {value:g}" for key, value in walk.fits[-1].chosen.items())
        slope = trained.forecasts[name].slope[-1]
        pipeline.reporter.line(name, f"last fit: {chosen or 'nothing to choose'}; slope {slope:.2f}")


@tangency.command(epilog=EPILOG)
@_options
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    callback=check_output,
    help="Also write the certificate to this file.",
)
def audit(path: Path, fresh: bool, output: Path | None) -> None:
    """Prove that nothing looked ahead, or name the first thing that did.

    At some dates all that came later is removed, then replaced by noise, and the pipeline is run again: whatever was
    known by then must come out the same to the last bit. Exit code 2 if anything did not.
    """
    from foundation.json_text import to_json
    from pipeline.files import write_whole
    from pipeline.report.narrative import audit_table

    pipeline = _pipeline(path, fresh)
    certificate = pipeline.certify(_evaluate(pipeline))
    if certificate is None:
        why = "too few dates are evaluated" if pipeline.config.audit.cuts else "audit.cuts is 0"
        raise click.UsageError(f"{path}: there is no date at which the future can be taken away: {why}")
    pipeline.reporter.console.print()
    pipeline.reporter.console.print(audit_table(certificate))
    if output is not None:
        write_whole(output, to_json(certificate.as_dict()).encode())
        pipeline.reporter.console.print(f"{output}", highlight=False, soft_wrap=True)


@tangency.command(epilog=EPILOG)
@_options
@click.option(
    "--unseal",
    is_flag=True,
    help="Read the holdout and judge by it alone. It is recorded for good, and each further time counts.",
)
def evaluate(path: Path, fresh: bool, unseal: bool) -> None:
    """Score the forecasts and simulate the portfolios, training first what is not stored."""
    from pipeline.export.publication import weigh
    from pipeline.report.narrative import tables

    pipeline = _pipeline(path, fresh)
    if unseal:
        from pipeline.holdout import judge_holdout

        done, evidence = judge_holdout(pipeline)
    else:
        done = _evaluate(pipeline)
        evidence = weigh(done, pipeline.reporter)
    for table in tables(done, evidence):
        pipeline.reporter.console.print()
        pipeline.reporter.console.print(table)


@tangency.command(epilog=EPILOG)
@_options
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    callback=check_output,
    help="File to write [runs/<name>-report.html].",
)
def report(path: Path, fresh: bool, output: Path | None) -> None:
    """Write the report as one HTML page that needs no network."""
    from pipeline.export.publication import published
    from pipeline.files import write_whole

    config, store, reporter = prepared(path, fresh)
    made = published(config, store, reporter)
    target = output or config.output / f"{config.name}-report.html"
    write_whole(target, made.page(config.name).encode())
    reporter.console.print(f"{target}", highlight=False, soft_wrap=True)


@tangency.command(epilog=EPILOG)
def features() -> None:
    """List all features there are, with their definitions.

    A feature is one annotated function in the folder features/; docs/features.md shows how to add one.
    """
    from rich.console import Console
    from rich.table import Table

    from features.catalogue import catalogue, dictionary

    rows = dictionary(catalogue())
    table = Table(box=None, pad_edge=False)
    for heading in rows[0]:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*row.values())
    Console(width=None if sys.stdout.isatty() else 160).print(table)


@tangency.command(epilog=EPILOG)
@config_option
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True)
def ui(path: Path, port: int) -> None:
    """Serve the MLflow UI on loopback until interrupted."""
    from pipeline.serving import serve_until_interrupted
    from pipeline.tracking import database as tracking

    config = read_config(path)
    command = tracking.serve_ui(config.output, config.name, port)
    click.echo(f"http://127.0.0.1:{port}/{tracking.runs_page(config.output, config.name)}")
    click.echo("ready in a few seconds; Ctrl-C ends it")
    environment = os.environ | {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
    serve_until_interrupted(command, environment)


def read_config(path: Path, *, writes: bool = True) -> RunConfig:
    """Read a configuration, and check its output folder.

    Parameters
    ----------
    path : Path
    writes : bool
        Whether the command writes to the output folder.
    """
    from pipeline.config import load_config
    from pipeline.config_files.paths import check_output_folder

    config = load_config(path)
    check_output_folder(config.output, writes=writes)
    return config


def prepared(path: Path, fresh: bool, *, writes: bool = True) -> tuple[RunConfig, Store, Reporter]:
    """Return the configuration, its store, and where progress is told.

    The records of the output folder are checked first: nothing is computed, and no model is used, on a record that
    lost lines.
    """
    from rich.console import Console

    from pipeline.chains.repair import check_state
    from pipeline.progress import Reporter
    from pipeline.store import Store

    config = read_config(path, writes=writes)
    check_state(config.output, config.name)
    # A pipe has no width of its own: tables must not be squeezed into 80 columns.
    console = Console() if sys.stdout.isatty() else Console(width=120)
    return config, Store(config.output / "store", fresh=fresh), Reporter(console)


def _pipeline(path: Path, fresh: bool) -> Pipeline:
    from pipeline.runner.pipeline import Pipeline

    return Pipeline(*prepared(path, fresh))


def _evaluate(pipeline: Pipeline) -> Evaluated:
    return pipeline.evaluate(pipeline.train(pipeline.prepare()))


def main() -> None:
    """Run the command line; a mistake of the user's is one message and exit code 2."""
    for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        # Numpy reads it when it is loaded: sums in one order on any machine, and no thread that spins while it waits.
        # The work is many small products, of which two threads make more time; folds and worlds are what goes abreast.
        os.environ.setdefault(variable, "1")
    # Modules are no garbage: half a second of a run would go into looking for some while they are loaded, and another
    # before the process ends.
    gc.set_threshold(10_000)
    atexit.register(gc.freeze)
    with exit_codes():
        tangency(standalone_mode=False)


if __name__ == "__main__":
    main()
