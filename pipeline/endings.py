"""Endings: turn the exception that ends a command into one message and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from pipeline.config_files.text import LONGEST_MESSAGE, cut_middle
from pipeline.stopping import CTRL_C, discard_output, is_ending, settle

CLOSED_PIPE = 141
"""Exit code of a program whose output pipe was closed: 128 + SIGPIPE."""
_LONGEST = LONGEST_MESSAGE - len("tangency: \n")


class _Interruption(BaseException):
    """Ctrl-C or another signal, wrapped so that click does not catch it and print an empty line."""


class Commands(click.Group):
    """A group of commands that leaves interruptions to `exit_codes`."""

    def make_context(self, *args: Any, **settings: Any) -> click.Context:
        """Parse the arguments."""
        try:
            return super().make_context(*args, **settings)
        except KeyboardInterrupt as error:
            raise _Interruption from error

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise _Interruption from error


@contextmanager
def exit_codes() -> Iterator[None]:
    """Turn the exception raised by a command into one message and an exit code.

    A user error exits with 2, an interruption with 130, another signal with 128 plus its number, and a closed pipe with
    141 and no message. Unexpected errors are re-raised.
    """
    try:
        try:
            with _messages():
                yield
        finally:
            # Flush here, so that a write error is caught here and not when the interpreter exits.
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        discard_output(*(s.fileno() for s in (sys.__stdout__, sys.__stderr__) if s is not None))
        sys.exit(CLOSED_PIPE)


@contextmanager
def _messages() -> Iterator[None]:
    written_to = sys.stdout
    try:
        yield
    except SystemExit as stopped:
        # When the reader of the output has closed the pipe, rich ends the process with 1. So does click, after it has
        # replaced the stream by a wrapper.
        if isinstance(stopped.__context__, BrokenPipeError) or sys.stdout is not written_to:
            sys.stdout = written_to
            raise BrokenPipeError from None
        raise
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()  # the help text itself, which is not a message to shorten
        sys.exit(error.exit_code)
    except click.ClickException as error:
        message = cut_middle(error.format_message(), _LONGEST // 2)
        click.UsageError(message, getattr(error, "ctx", None)).show()
        sys.exit(2)
    except BrokenPipeError:
        raise
    except BaseException as error:
        # A library may have turned an interruption into another error.
        if isinstance(error, click.Abort | KeyboardInterrupt | _Interruption) or is_ending():
            sys.exit(settle(CTRL_C))
        # Imported only after an exception: a command imports little before it starts.
        from pipeline.errors import USER_ERRORS
        from pipeline.files import explain

        if isinstance(error, USER_ERRORS):
            _leave_with(str(error))
        if isinstance(error, OSError):
            # A full disk, a folder without permission, or a file in place of a folder.
            _leave_with(explain(error))
        raise


def _leave_with(message: str) -> None:
    click.echo(f"tangency: {cut_middle(message, _LONGEST)}", err=True)
    sys.exit(2)
