"""Commands that write files about a whole run: run, report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli.group import EPILOG, check_output, run_options, tangency
from pipeline.cli.preparation import prepare_run

if TYPE_CHECKING:
    from pipeline.config import RunConfig
    from pipeline.export.artifacts import RunArtifacts
    from pipeline.progress import Reporter


@tangency.command(epilog=EPILOG)
@run_options
def run(path: Path, fresh: bool) -> None:
    """Run all stages, write a run folder, and track the run in MLflow.

    The folder runs/<run id>/ holds summary.json, weights.csv, forecasts.parquet, certificate.json and report.html;
    runs/latest points to the newest run. MLflow is runs/mlflow.db, or the server of MLFLOW_TRACKING_URI. If
    configuration, data, code and libraries are unchanged, the previous run is shown instead.
    """
    from pipeline.chains.data_identity import sketch
    from pipeline.errors import TrackingError
    from pipeline.export.publication import load_or_make_artifacts, open_ledger
    from pipeline.stages.loading import load_data
    from pipeline.store.reuse import explain_reuse
    from pipeline.tracking.receipts import pending_notice
    from pipeline.tracking.shared_trials import others_may_have_tried, share_trials
    from pipeline.tracking.worker import MlflowWorker

    config, store, reporter = prepare_run(path, fresh)
    console = reporter.console
    ledger, loaded = open_ledger(config), None
    if others_may_have_tried(config.output, ledger):
        loaded = load_data(config, reporter)
        try:
            share_trials(config.output, config.name, ledger, sketch(loaded[0]))
        except TrackingError as error:
            reporter.line("trials", f"counted from this folder alone: {error}")
    with MlflowWorker() as worker:
        artifacts = load_or_make_artifacts(config, store, reporter, loaded, making=worker.get_ready)
        with explain_reuse(store):
            folder = _write_or_reuse(config, artifacts, reporter, fresh)
        # The result is printed before it is sent to MLflow: an unreachable tracking server must not hide it.
        try:
            link = worker.deliver(folder)
            console.print(
                f"MLflow: tangency ui --config {path}, then the page {link}", highlight=False, soft_wrap=True
            )
            if notice := pending_notice(config.output):
                console.print(f"MLflow: {notice}", highlight=False, soft_wrap=True)
        except TrackingError as error:
            console.print(f"not tracked: {error}; `tangency sync` sends it", highlight=False, soft_wrap=True)


def _write_or_reuse(config: RunConfig, made: RunArtifacts, reporter: Reporter, fresh: bool) -> Path:
    """Print the result and write the run's folder, unless it equals the previous one."""
    import datetime as dt

    from pipeline.export import latest_run, run_folder

    console = reporter.console
    folder = None if fresh else latest_run.reuse_run(config.output, made)
    for table in made.tables:
        console.print()
        console.print(table)
    console.print()
    if folder is not None:
        console.print("nothing has changed since this run, so there is no new one (--fresh makes one):")
    else:
        now = dt.datetime.now(dt.UTC)
        run_id = run_folder.new_run_id(config.name, now, config.digest())
        folder = run_folder.write_run(config.output, made, run_id, reporter.seconds, reporter.reused, now=now)
    for name in run_folder.HANDED_OUT:
        if (folder / name).exists():
            console.print(f"{folder / name}", highlight=False, soft_wrap=True)
    return folder


@tangency.command(epilog=EPILOG)
@run_options
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    callback=check_output,
    help="File to write [runs/<name>-report.html].",
)
def report(path: Path, fresh: bool, output: Path | None) -> None:
    """Write the report as one HTML page that works offline."""
    from pipeline.export.publication import load_or_make_artifacts
    from pipeline.files import write_whole

    config, store, reporter = prepare_run(path, fresh)
    artifacts = load_or_make_artifacts(config, store, reporter)
    target = output or config.output / f"{config.name}-report.html"
    write_whole(target, artifacts.page(config.name).encode())
    reporter.console.print(f"{target}", highlight=False, soft_wrap=True)
