"""Commands about data: `tangency update` and `watch`, and `tangency data log`, `show` and `verify`."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from foundation.counts import format_count
from pipeline.cli.as_of import as_of_option, end_of_day
from pipeline.cli.group import EPILOG, check_output, config_option, tangency
from pipeline.cli.preparation import prepare_run, read_config
from pipeline.stopping import report_interruption

if TYPE_CHECKING:
    from operations.data.versions import Versions

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SHORTEST, _LONGEST = 1.0, 31 * 86400.0


def _read_seconds(_context: click.Context, _option: click.Parameter, given: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", given.strip())
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not _SHORTEST <= seconds <= _LONGEST:
        raise click.BadParameter(f"expected a time from 1s to 31d, such as 90s, 15m, 2h or 1d; got {given!r}")
    return seconds


@tangency.command("update", epilog=EPILOG)
@config_option
@click.option(
    "--accept-revisions",
    is_flag=True,
    help="Accept a source that has rewritten the past. Earlier versions stay readable.",
)
@as_of_option
def update_command(path: Path, accept_revisions: bool, as_of: dt.datetime | None) -> None:
    """Record new data, and extend stored results to the new dates.

    The first call records all data, later calls what is new. A source that has rewritten the past is refused, and the
    message names the cells. Features, regimes and models are extended with exactly the results of a full run. If the
    champion is scheduled and its data has drifted, a retraining is requested.
    """
    from operations.data import updating
    from operations.drift.early_request import ask_if_drifted

    now = end_of_day(as_of)
    config, _, reporter = prepare_run(path, fresh=False, trains=False, as_of=as_of)
    updating.update(config, reporter, now=now, accept_revisions=accept_revisions)
    # Also without new data: an interrupted update may have recorded the data without this check. A request is made once
    # per reason and data.
    ask_if_drifted(config, reporter, now)


@tangency.command("watch", epilog=EPILOG)
@config_option
@click.option(
    "--every",
    default="15m",
    show_default=True,
    callback=_read_seconds,
    help="Time between two polls, such as 90s, 15m, 2h or 1d.",
)
def watch_command(path: Path, every: float) -> None:
    """Poll the sources of a configuration until interrupted.

    Local files are watched by their size and time, addresses by what the server says of them, and other sources are
    asked. When something is new, `tangency update` runs, and `tangency predict` if that recorded new data. After an
    error the next poll is twice as far away. `tangency status` shows whether the watch runs. One watch of a
    configuration runs at a time.
    """
    from operations.watch.loop import Tools, Watch

    read_config(path)
    watch = Watch(path, every, Tools(_print_with_time))
    _print_with_time(f"{watch.config.name}: watching, every {every:.0f} s")
    try:
        watch.run()
    except KeyboardInterrupt:
        report_interruption("watch stopped: run the same command to go on")
        raise


@tangency.group(epilog=EPILOG)
def data() -> None:
    """List, show and verify the recorded versions of the data."""


@data.command(epilog=EPILOG)
@config_option
def log(path: Path) -> None:
    """List the versions: their time, new dates and revisions."""
    from operations.data.updating import line_of

    versions = _versions(path).log()
    if not versions:
        click.echo("no data was recorded yet; tangency update does")
    for version in versions:
        click.echo(f"{version.at[:16]}  {line_of(version)}")
        for text in version.described:
            click.echo(f"{'':18}{text}")
        if version.largest is not None:
            most = dict(version.largest)
            cell = " ".join(str(most[key]) for key in ("field", "asset", "date") if key in most)
            click.echo(f"{'':18}largest change: {cell} was {most['old']:.10g}, is {most['new']:.10g}")


@data.command("show", epilog=EPILOG)
@config_option
@click.option("--version", "number", type=int, help="Number of the version [the newest].")
@click.option(
    "--changes", is_flag=True, help="Only the changes of the version, instead of all data known by it."
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    callback=check_output,
    help="Write the whole table to this Parquet or CSV file.",
)
def show_version_command(path: Path, number: int | None, changes: bool, output: Path | None) -> None:
    """Show the data as of a version, or its changes, as a table of dates, assets, fields and values."""
    from operations.data.long_format import to_cells

    if output is not None and output.suffix not in (".csv", ".parquet"):
        raise click.BadParameter(
            f"{output}: expected a name that ends in .parquet or .csv", param_hint="--output"
        )
    versions = _versions(path)
    if changes:
        newest = len(versions.log())
        table = versions.changes(newest if number is None else number)
    else:
        table = to_cells(versions.read(number))
    if output is None:
        click.echo(table.to_string(max_rows=20, index=False))
        click.echo(format_count(len(table), "row"))
        return
    from pipeline.files import write_whole

    if output.suffix == ".csv":
        # Seventeen digits are enough to read every number back exactly.
        content = table.to_csv(index=False, lineterminator="\n", float_format="%.17g").encode()
    else:
        content = table.to_parquet(index=False)
    write_whole(output, content)
    click.echo(str(output))


@data.command("verify", epilog=EPILOG)
@config_option
def verify_data_command(path: Path) -> None:
    """Check that recorded data is unchanged: every line, every file, and the newest panel."""
    versions = _versions(path)
    orphans = versions.verify()
    newest = versions.log()[-1]
    click.echo(
        f"{format_count(newest.version, 'version')}, {format_count(newest.dates, 'date')} to "
        f"{newest.last[:10]}: all as recorded"
    )
    for name in orphans:
        click.echo(f"{name}: belongs to no version (an update was killed); the next update removes it")


def _versions(path: Path) -> Versions:
    from operations.data.updating import versions_of

    return versions_of(read_config(path, writes=False))


def _print_with_time(text: str) -> None:
    click.echo(f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M:%S}  {text}")
