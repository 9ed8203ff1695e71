"""Command `tangency status`: the champion, runs, data and schedule of each configuration."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from operations.cli.schedule import CODES, configs_option, utc_now
from operations.schedule.configurations import find_scheduled
from pipeline.cli.group import tangency


@tangency.command("status", epilog=CODES)
@configs_option
def show_status(paths: tuple[Path, ...]) -> None:
    """Show the champion, runs and data of each configuration, and the state of its schedule.

    The files of the champion are compared with their recorded SHA-256. A configuration without a schedule is shown if
    you name it, or if none in configs/ has a schedule.
    """
    from operations.cli.output.status import describe_status
    from operations.schedule.status import status
    from pipeline.tracking.receipts import pending_notice

    now = utc_now()
    read = find_scheduled(paths, required=False)
    statuses = status(read.configs, now)
    for job in statuses:
        click.echo("\n".join(describe_status(job, now)))
    for output in sorted({config.output for config in read.configs}):
        if notice := pending_notice(output):
            click.echo(f"MLflow: {notice}")
    for mistake in read.mistakes:
        click.echo(f"tangency: {mistake}", err=True)
    sys.exit(2 if read.mistakes else int(any(job.problems for job in statuses)))
