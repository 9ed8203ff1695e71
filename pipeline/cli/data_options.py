"""Options of commands that read a file: the keys of the section `data`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pipeline.file_check.request import FileRequest


class DataOptions(click.Command):
    """A command that also takes each key of the section `data` as an option; they are imported when they are needed."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the own parameters and the keys of the section."""
        from pipeline.file_check.request import NOT_OPTIONS
        from pipeline.settings.data import DataSection

        keys = [key for key in DataSection.model_fields if key not in NOT_OPTIONS]
        text = "As data.{} in a configuration."
        named = [
            click.Option([f"--{key.replace('_', '-')}"], metavar="VALUE", help=text.format(key))
            for key in keys
        ]
        own = super().get_params(ctx)
        return [*own[:-1], *named, own[-1]]  # the last one is --help


def make_request(
    files: Sequence[Path], config: Path | None, options: Mapping[str, str | None]
) -> FileRequest:
    """Return the request that arguments, a configuration and options make.

    Raises
    ------
    UsageError
        If neither a file nor a configuration is given, or a configuration beside others.
    """
    from pipeline.file_check.request import request_by_config, request_by_options

    given = {key: text for key, text in options.items() if text is not None}
    if files and config is None:
        return request_by_options(files, given)
    if files or config is None:
        raise click.UsageError("give a FILE, or --config with a configuration that names one")
    if given:
        names = ", ".join(f"--{key.replace('_', '-')}" for key in given)
        raise click.UsageError(f"{names}: the configuration says how to read its file; leave the options out")
    from pipeline.config import load_config

    return request_by_config(load_config(config))
