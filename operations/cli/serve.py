"""`tangency serve`."""

from __future__ import annotations

import os
import shlex
import stat
import string
import sys
from pathlib import Path

import click

from operations.errors import OperationsError
from pipeline.cli.group import EPILOG, config_option, tangency
from pipeline.config_files.paths import input_mistake

TOKEN = "TANGENCY_SERVE_TOKEN"  # noqa: S105 (the name of the variable)
"""Environment variable that may hold the token."""
SHORTEST_TOKEN = 16
LARGEST_TOKEN_FILE = 4096
"""Largest size of the token file in bytes."""


@tangency.command(epilog=EPILOG)
@config_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=5001, show_default=True)
@click.option(
    "--allowed-host",
    "allowed",
    multiple=True,
    metavar="NAME",
    help="Further host name that requests may use, beside those of loopback; may be repeated.",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path),
    help=f"File with the token that requests must carry [the variable {TOKEN}]. Required beyond loopback.",
)
def serve(path: Path, host: str, port: int, allowed: tuple[str, ...], token_file: Path | None) -> None:
    """Serve the champion's forecasts over HTTP until interrupted.

    POST /invocations takes the content of a run's inputs.json as {"dataframe_split": ...}, and returns the forecasts
    that `tangency predict` prints. GET /health shows that the server is up, GET /version which run it serves. A new
    champion is used from the next request on.
    """
    from operations.serving.access import LOOPBACK, Access, read_host
    from operations.serving.application import build_application
    from operations.serving.champion import ServedChampion
    from operations.serving.server import is_loopback, is_unspecified, listen, resolve_address, run
    from pipeline.config import load_config
    from pipeline.stopping import CTRL_C, check_ending, report_interruption

    config = load_config(path)
    token = _read_token(token_file)
    if notice := _describe_exposure(token_file):
        click.echo(notice, err=True)
    family, address = resolve_address(host, port)
    if token is None and not is_loopback(address):
        raise OperationsError(
            f"--host {host}: other machines can reach this address, so requests must bear a token; write one of at "
            f"least {SHORTEST_TOKEN} characters to a file that only you can read, and give it with --token-file"
        )
    own = f"[{address[0]}]" if ":" in address[0] else address[0]
    # 0.0.0.0 and :: stand for all addresses, and are not a host name.
    names = {*LOOPBACK} if is_unspecified(address) else {*LOOPBACK, own, host.lower()}
    for name in allowed:
        known = read_host([name])
        if known is None or known != name.lower().rstrip("."):
            raise OperationsError(
                f"--allowed-host {name!r} is no host name; expected one like forecasts.example.org"
            )
        names.add(known)
    listener = listen(
        family, address
    )  # before the model is loaded, so that a port in use is reported at once
    champion = ServedChampion(config)
    served = champion.get()
    check_ending()
    click.echo(f"serving {served.run}, trained on data to {served.trained_to}")
    click.echo(f'POST {{"dataframe_split": ...}} to http://{own}:{port}/invocations; Ctrl-C ends it')
    try:
        run(build_application(config.name, champion.get, Access(frozenset(names), token)), listener)
    except KeyboardInterrupt:
        report_interruption("interrupted: the server has ended")
        sys.exit(CTRL_C)


def _describe_exposure(file: Path | None) -> str:
    """Return a warning if other users of the machine can read the token file; "" if they cannot."""
    if file is None or os.name == "nt":  # file modes are not meaningful on Windows
        return ""
    mode = stat.S_IMODE(file.stat().st_mode)
    if not mode & (stat.S_IRGRP | stat.S_IROTH):
        return ""
    remedy = f"chmod 600 {shlex.quote(str(file))}"
    return f"--token-file {file}: other users of this machine can read it (mode {mode:04o}); {remedy}"


def _read_token(file: Path | None) -> str | None:
    """Return the token from the file or the environment, or None if neither is given.

    Raises
    ------
    OperationsError
        If the file cannot be read, or the token is too short or has characters other than visible ASCII.
    """
    if file is None:
        token, where = os.environ.get(TOKEN), TOKEN
        if token is None:
            return None
    else:
        where = f"--token-file {file}"
        mistake = input_mistake(file)
        if mistake:
            raise OperationsError(f"{where} cannot be read: {mistake}")
        try:
            with file.open("rb") as opened:
                content = opened.read(LARGEST_TOKEN_FILE + 1)
            if len(content) > LARGEST_TOKEN_FILE:
                raise OperationsError(f"{where}: longer than {LARGEST_TOKEN_FILE} bytes; expected one token")
            token = content.decode("ascii").strip()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "not plain ASCII text"
            raise OperationsError(f"{where} cannot be read: {reason}") from error
    visible = set(string.ascii_letters + string.digits + string.punctuation)
    if len(token) < SHORTEST_TOKEN or not set(token) <= visible:
        raise OperationsError(
            f"{where}: expected one token of at least {SHORTEST_TOKEN} letters, digits and signs, without blanks; make "
            "one with: openssl rand -hex 32"
        )
    return token
