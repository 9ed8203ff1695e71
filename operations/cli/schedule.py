"""Commands that keep a schedule: run-due, schedule, schedule export, schedule request."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from operations.schedule.configurations import ScheduleReader, find_scheduled, scheduled
from pipeline.cli.group import EPILOG, tangency
from pipeline.stopping import STOPPING, interrupt_once

if TYPE_CHECKING:
    from operations.schedule.export import Target
    from pipeline.config import RunConfig

CODES = (
    "Exit codes: 0 success, 1 something failed, is waiting or overdue, 2 an error that you can fix (one message "
    "says what), 130 interrupted."
)

configs_option = click.option(
    "--config",
    "-c",
    "paths",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Configuration file; may be given several times [every file in configs/ with a schedule].",
)


@tangency.command("run-due", epilog=CODES)
@configs_option
@click.option("--slot", help="Exit with 0 only if this slot is done, or a later one has replaced it.")
@click.option("--list", "listing", is_flag=True, help="Only print what is due, one time per line.")
def run_due_command(paths: tuple[Path, ...], slot: str | None, listing: bool) -> None:
    """Train what is due, each slot once, and exit.

    Any scheduler may call this command at any interval. The cron expressions in the configurations decide what is due.
    Several calls may run at the same time, and each of them may be killed.
    """
    from operations.schedule import run_due, slot_queries

    slot_due = None if slot is None else _instant(slot)
    scheduled_configs = find_scheduled(paths)
    configs = scheduled_configs.configs
    for mistake in scheduled_configs.mistakes:
        click.echo(f"tangency: {mistake}", err=True)
    if listing:
        for due in slot_queries.due(configs, utc_now()):
            click.echo(due.isoformat())
        sys.exit(2 if scheduled_configs.mistakes else 0)
    interrupt_once(STOPPING)  # a second signal must not disturb the return of the slot
    attempts = run_due.run_due(configs, _train, clock=utc_now, log=_log)
    code = 2 if scheduled_configs.mistakes else int(any(attempt.outcome == "failed" for attempt in attempts))
    if slot_due is not None:
        answer = slot_queries.answer_for(configs, slot_due)
        _log(answer.message)
        code = 0 if answer.settled else code or 1
    sys.exit(code)


@tangency.group(invoke_without_command=True, epilog=EPILOG)
@configs_option
@click.pass_context
def schedule(context: click.Context, paths: tuple[Path, ...]) -> None:
    """Run the schedules of the configurations until stopped.

    No server is needed. The process may be killed and started again, and two may run side by side. After an
    interruption only the latest missed slot is trained. `tangency status` shows whether the process is alive.
    `tangency schedule export` writes the files for another scheduler.
    """
    if context.invoked_subcommand is not None:
        context.obj = paths
        return
    from operations.schedule import loop
    from operations.schedule.run_due import with_log_files

    scheduled_configs = find_scheduled(paths)
    log = with_log_files(scheduled_configs.configs, _log, utc_now)
    read = ScheduleReader(paths, log)
    configs = read()
    for config in configs:
        if config.schedule is not None:
            log(f"{config.name}: {config.schedule.cron} {config.schedule.timezone}")
    options = [part for path in paths for part in ("--config", str(path))]
    command = [sys.executable, "-m", "operations", "run-due", *options]
    with loop.stop_on_signals() as stop:

        def visit() -> None:
            loop.visit_by(command, stop, log)

        loop.keep_schedules(read, visit, clock=utc_now, stop=stop, log=log)
    log("stopped")


@schedule.command("request", epilog=EPILOG)
@configs_option
@click.option(
    "--reason", required=True, help="Reason, which is recorded. The same reason and --data make one request."
)
@click.option("--data", default="", help="Data that the reason refers to, such as the last date.")
def request_command(paths: tuple[Path, ...], reason: str, data: str) -> None:
    """Request a training ahead of the schedule; it is done like a scheduled one."""
    from operations.schedule import run_due

    for config in scheduled(paths):
        new = run_due.request(config, reason, data, utc_now())
        _log(f"{config.name}: {'asked for' if new else 'was asked for before'}: {reason}")


@schedule.command("export", epilog=EPILOG)
@configs_option
@click.option(
    "--to",
    "target",
    type=click.Choice(["cron", "systemd", "kubernetes", "dagster"]),
    required=True,
    help="Scheduler to write for.",
)
@click.option(
    "--every", default=5, show_default=True, help="Minutes between two calls of run-due: 1 to 6, or 10."
)
@click.option(
    "--image", default="tangency:latest", show_default=True, help="Container image, for Kubernetes."
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    default=Path("deploy"),
    show_default=True,
    help="Folder to write to.",
)
def export_command(paths: tuple[Path, ...], target: Target, every: int, image: str, output: Path) -> None:
    """Write the files with which another scheduler calls `tangency run-due` every few minutes.

    Paths are those of this machine and of the current folder; for Kubernetes, those in its volume.
    """
    from operations.schedule import export

    written = export.export(
        target,
        scheduled(paths),
        paths,
        output,
        folder=Path.cwd(),
        command=export.command_path(),
        every=every,
        image=image,
    )
    for path in written:
        click.echo(str(path))


def _train(config: RunConfig, now: dt.datetime) -> str:
    """Retrain in a separate process, and return the decision in one line."""
    from operations.schedule.job_process import run_job
    from operations.schedule.rotating_log import RotatingLog
    from operations.schedule.run_due import LOG
    from operations.slots.records import record_path, schedules

    log_file = RotatingLog(record_path(config).with_name(LOG))

    def log(line: str) -> None:
        click.echo(line)
        log_file.write(line, utc_now())

    limit = schedules({config.name: config})[config.name].time_limit_seconds
    return run_job(config, now, time_limit=limit, log=log)


def _instant(text: str) -> dt.datetime:
    try:
        instant = dt.datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise click.BadParameter(
            f"expected an instant such as 2026-05-01T06:00:00+00:00, got {text!r}", param_hint="--slot"
        )
    return instant


def utc_now() -> dt.datetime:
    """Return the current instant."""
    return dt.datetime.now(dt.UTC)


def _log(text: str) -> None:
    click.echo(f"{utc_now():%Y-%m-%d %H:%M:%S}  {text}")
